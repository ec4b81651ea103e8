"""The stewards' part of the site, which has no sign-in of its own."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from arena.errors import AccessDenied


class StaffSite(AdminSite):
    site_header = site_title = "Policy Arena · stewards"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """To the one sign-in page, which bounds wrong passwords. A member who is no steward is told so instead."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise AccessDenied("access_denied", "Only stewards may see this page.")
        return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))
