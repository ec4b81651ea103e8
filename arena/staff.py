"""The stewards' part of the site, which has no sign-in of its own."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from arena import people
from arena.errors import AccessDenied
from arena.models import Person


class StaffSite(AdminSite):
    site_header = site_title = "Policy Arena · stewards"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not lacks_second_factor(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """To the one sign-in page, which bounds wrong passwords. Whoever is signed in is told why this is closed."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise self._refusal(request)
        return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))

    def _refusal(self, request: HttpRequest) -> AccessDenied:
        if super().has_permission(request):
            return AccessDenied(
                "second_factor_required",
                "Stewards need a second factor here.",
                hint="Set one up on your account page.",
            )
        return AccessDenied("access_denied", "Only stewards may see this page.")


def lacks_second_factor(request: HttpRequest) -> bool:
    """Who has one was asked for it when they signed in."""
    person = request.user
    return settings.STEWARD_MFA_REQUIRED and isinstance(person, Person) and not people.has_second_factor(person)
