from django.urls import path

from credits import api

urlpatterns = [
    path("labs/<slug:slug>/credits", api.LabCredits.as_view(), name="api-credits"),
    path("labs/<slug:slug>/credits/entries", api.LabCreditEntries.as_view(), name="api-credit-entries"),
]
