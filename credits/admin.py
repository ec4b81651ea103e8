"""What stewards see of the ledger. Read-only: credits move by the ledger's own verbs.

Stewards may evaluate too. What is spent of a hold moves when a session ends, before its policies are named, and would
name one of them: neither holds nor what is spent of them is shown here.
"""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from arena.admin import ReadOnlyAdmin
from credits import models


@admin.register(models.Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("key", "lab", "balance", "unlimited")
    list_select_related = ("lab",)
    list_filter = ("unlimited",)
    search_fields = ("key", "lab__name")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[models.Account]":
        return super().get_queryset(request).filter(kind=models.Account.Kind.LAB)


@admin.register(models.Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "at", "kind", "amount", "key", "comment", "person")
    list_select_related = ("person",)
    list_filter = ("kind",)
    search_fields = ("key", "comment")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[models.Entry]":
        return super().get_queryset(request).exclude(kind=models.Entry.Kind.SPENT)


@admin.register(models.Debt)
class DebtAdmin(ReadOnlyAdmin):
    list_display = ("key", "account", "amount", "paid", "lifted", "created_at")
    list_select_related = ("account",)
