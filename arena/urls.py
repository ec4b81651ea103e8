from django.urls import include, path

urlpatterns = [path("", include("arena.accounts.urls"))]
