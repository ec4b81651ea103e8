from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from arena import people
from arena.accounts.providers import NAMES
from arena.errors import TooMany, page


@require_safe
@login_required
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    person = people.signed_in(request)
    secured = people.has_second_factor(person)
    codes = Authenticator.objects.filter(user=person, type=Authenticator.Type.RECOVERY_CODES).first()
    connected = SocialAccount.objects.filter(user=person).values_list("provider", flat=True)
    return render(
        request,
        "account/overview.html",
        {
            "new_email": EmailAddress.objects.get_new(person),
            "memberships": person.memberships.select_related("lab").order_by("lab__name"),
            "secured": secured,
            "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
            "second_factor_advised": person.is_staff and not secured,
            "second_factor_required": settings.STEWARD_MFA_REQUIRED,
            "connected": [NAMES.get(name, name) for name in connected],
            "connectable": bool(settings.SOCIALACCOUNT_PROVIDERS or connected),
        },
    )


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """allauth asks the project for this page by the name handler429."""
    return page(
        request,
        TooMany("too_many_requests", "Too many requests from here.", hint="Wait a few minutes and try again."),
    )
