from django.urls import path

from credits import views

urlpatterns = [
    path("credits", views.own_credits, name="credits"),
    path("lab/<slug:slug>/credits", views.lab_credits, name="lab-credits"),
    path("lab/<slug:slug>/credits.csv", views.lab_credits_csv, name="lab-credits-csv"),
    path("lab/<slug:slug>/credits/grant", views.credits_grant, name="credits-grant"),
]
