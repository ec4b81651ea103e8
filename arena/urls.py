from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from arena.forms import SignInForm

urlpatterns = [
    path(
        "sign-in",
        LoginView.as_view(
            template_name="arena/sign_in.html", authentication_form=SignInForm, redirect_authenticated_user=True
        ),
        name="sign-in",
    ),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
]
