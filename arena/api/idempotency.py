"""Writes that may be repeated: a client that lost the answer sends the request again with the same `Idempotency-Key`.

The answer is kept in the transaction of what it tells of, so that there is one exactly where that took place. Errors
change nothing and are not kept: the same key may then be used again.
"""

import hashlib
import json
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.permissions import key_of
from arena.errors import ArenaError, Conflict
from arena.models import ApiWrite, Person

LONGEST_KEY = 80
KEPT = timedelta(hours=48)
# No request takes this long: one that has not been answered by then was cut short, and a repeat takes its place.
ABANDONED = timedelta(minutes=5)

Handler = Callable[..., Response]


def once(handler: Handler, *, secrets: Collection[str] = (), renewed: Callable[[Any], Any] | None = None) -> Handler:
    """The handler of a write, run once for each Idempotency-Key of its person.

    Fields named in `secrets` are not kept, however deep they lie: a repeat has null there, or what `renewed` puts in.
    """

    def answered(request: Request, *args: Any, **kwargs: Any) -> Response:
        key = _clean_key(request)
        if key is None or not isinstance(request.user, Person):
            return handler(request, *args, **kwargs)
        write = _begin(request.user, key, _digest(request), timezone.now())
        if write.status is None:
            return _run(write, handler, secrets, request, *args, **kwargs)
        body = renewed(write.body) if renewed and write.body is not None else write.body
        return Response(body, status=write.status, headers={"Idempotent-Replay": "true"})

    return answered


def sweep(*, now: datetime) -> int:
    """Forget answers that nobody will ask for again."""
    return ApiWrite.objects.filter(created_at__lt=now - KEPT).delete()[0]


def _clean_key(request: Request) -> str | None:
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise ArenaError(
            "bad_idempotency_key", f"An Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters."
        )
    return str(key)


def _begin(person: Person, key: str, digest: str, now: datetime) -> ApiWrite:
    """The row of this write: fresh, taken over from a request that was cut short, or one with its answer."""
    try:
        with transaction.atomic():
            return ApiWrite.objects.create(person=person, key=key, request_digest=digest, created_at=now)
    except IntegrityError:
        earlier = ApiWrite.objects.filter(person=person, key=key).first()
    if earlier is None:  # the first one has just failed: this one takes its place
        return _begin(person, key, digest, now)
    if earlier.request_digest != digest:
        raise Conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was sent with another request.",
            hint="Take a new key for each request.",
        )
    if earlier.status is None and not _taken_over(earlier, now):
        raise Conflict(
            "idempotency_in_progress",
            "The first request with this key is still running.",
            hint="Try again in a second.",
        )
    return earlier


def _taken_over(write: ApiWrite, now: datetime) -> bool:
    abandoned = ApiWrite.objects.filter(pk=write.pk, status=None, created_at=write.created_at)
    return abandoned.filter(created_at__lt=now - ABANDONED).update(created_at=now) == 1


def _run(
    write: ApiWrite, handler: Handler, secrets: Collection[str], request: Request, *args: Any, **kwargs: Any
) -> Response:
    try:
        with transaction.atomic():
            response = handler(request, *args, **kwargs)
            kept = {"status": response.status_code, "body": _kept(response.data, secrets)}
            ApiWrite.objects.filter(pk=write.pk).update(**kept)
        return response
    except BaseException:
        ApiWrite.objects.filter(pk=write.pk, status=None).delete()
        raise


def _kept(data: Any, secrets: Collection[str]) -> Any:
    return _without(json.loads(JSONRenderer().render(data) or b"null"), secrets)


def _without(body: Any, names: Collection[str]) -> Any:
    if isinstance(body, dict):
        return {name: None if name in names else _without(value, names) for name, value in body.items()}
    return [_without(value, names) for value in body] if isinstance(body, list) else body


def _digest(request: Request) -> str:
    """What was asked, by whom it may be done: the same person's key of another lab does not get its answer."""
    key = key_of(request)
    asked = [request.method, request.get_full_path(), key and key.lab_id, _canonical(request.data)]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _canonical(data: Any) -> Any:
    """Multipart bodies differ from one sending to the next in their boundary: what counts are fields and files."""
    if not isinstance(data, MultiValueDict):
        return data
    return {name: [_plain(one) for one in found] for name, found in data.lists()}


def _plain(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return digest.hexdigest()
