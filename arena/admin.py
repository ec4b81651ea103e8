"""What stewards see. Read-only: changes are made by the domain's own verbs, never by editing a row."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest

from arena import models


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in its stubs
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.Lab)
class LabAdmin(ReadOnlyAdmin):
    list_display = ("name", "source", "simulated", "created_at")
    list_filter = ("source", "simulated")
    search_fields = ("name",)


@admin.register(models.Person)
class PersonAdmin(ReadOnlyAdmin):
    list_display = ("email", "name", "pseudonym", "is_staff", "is_active")
    search_fields = ("email", "name", "pseudonym")
    exclude = ("password",)


@admin.register(models.Station)
class StationAdmin(ReadOnlyAdmin):
    list_display = ("name", "lab", "embodiment", "cameras", "simulated")
    list_select_related = ("lab", "embodiment")


@admin.register(models.PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "embodiment", "pool", "pseudonym", "listed_at", "created_at")
    list_select_related = ("policy", "embodiment")
    list_filter = ("pool",)
    search_fields = ("policy__slug", "pseudonym")


@admin.register(models.Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ("version", "health", "failures", "last_problem", "checked_at")
    list_select_related = ("version__policy",)
    list_filter = ("health",)
    exclude = ("url",)  # for its owner and the relay


@admin.register(models.ClientKey)
class ClientKeyAdmin(ReadOnlyAdmin):
    list_display = ("prefix", "person", "station", "last_used_at", "revoked_at")
    list_select_related = ("person", "station__lab")
    exclude = ("digest",)


@admin.register(models.ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("prefix", "name", "person", "lab", "scopes", "expires_at", "last_used_at", "revoked_at")
    list_select_related = ("person", "lab")
    exclude = ("digest",)


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "lab", "role", "invited_by", "expires_at", "accepted_at", "revoked_at")
    list_select_related = ("lab", "invited_by")
    exclude = ("digest",)


@admin.register(models.Affiliation)
class AffiliationAdmin(ReadOnlyAdmin):
    list_display = ("lab", "other", "declared_by", "created_at", "ended_at", "ended_by")
    list_select_related = ("lab", "other", "declared_by", "ended_by")


@admin.register(models.Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("kind", "person", "email", "created_at", "attempts", "settled_at", "sent")
    list_select_related = ("person",)
    list_filter = ("kind", "sent")
    exclude = ("key",)  # what the secret of a link is derived from


@admin.register(models.AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "tag", "subject", "person", "lab")
    list_select_related = ("person", "lab")
    search_fields = ("tag", "subject")


admin.site.register([models.Application, models.Embodiment, models.Policy, models.Membership], ReadOnlyAdmin)
admin.site.unregister(Group)  # roles are memberships of labs
# Rows of django-allauth are changed by their own person alone, and hold what opens accounts.
admin.site.unregister([EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken])
