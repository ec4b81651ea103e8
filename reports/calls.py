"""Questions to models, kept as rows: what is known already, what was spent, and what may be forgotten."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum
from pydantic import ValidationError

from reports.models import ProviderCall
from reports.providers import Question, Reply

# No question takes so long: whoever asked it has died.
STALE = timedelta(hours=1)


@dataclass(frozen=True)
class Spent:
    tokens: int
    money: float


def input_digest(question: Question[Reply], *, model: str) -> str:
    """Over everything that the answer depends on."""
    parts = [
        model,
        question.prompt_version,
        question.system,
        question.text,
        question.schema.model_json_schema(),
        question.max_tokens,
        [[picture.title, hashlib.sha256(picture.jpeg).hexdigest()] for picture in question.pictures],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def known(question: Question[Reply], *, digest: str) -> tuple[ProviderCall, Reply] | None:
    """The last answer to this very question, if it is kept and still fits."""
    row = ProviderCall.objects.filter(input_digest=digest, answer__isnull=False).first()
    if row is None:
        return None
    try:
        return row, question.schema.model_validate_json(json.dumps(row.answer), strict=True)
    except ValidationError:
        return None


def begin(question: Question[Reply], *, provider: str, model: str, digest: str, now: datetime) -> ProviderCall:
    return ProviderCall.objects.create(
        provider=provider,
        model=model,
        purpose=question.purpose,
        prompt_version=question.prompt_version,
        input_digest=digest,
        started_at=now,
    )


def finish(call: ProviderCall, *, outcome: ProviderCall.Outcome, problem: str = "", answer: Any = None) -> None:
    """With whatever figures the caller has set. A row that a sweep gave up is finished all the same."""
    call.outcome, call.problem, call.answer = outcome, problem[:300], answer
    call.save(
        update_fields=[
            "mode",
            "requests",
            "seconds",
            "tokens_in",
            "tokens_out",
            "tokens_guessed",
            "cost",
            "outcome",
            "problem",
            "answer",
        ]
    )


def day_of(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def spent(*, provider: str, now: datetime) -> Spent:
    """Since 00:00 UTC."""
    today = ProviderCall.objects.filter(provider=provider, started_at__gte=day_of(now))
    sums = today.aggregate(tokens_in=Sum("tokens_in"), tokens_out=Sum("tokens_out"), money=Sum("cost"))
    return Spent(int(sums["tokens_in"] or 0) + int(sums["tokens_out"] or 0), float(sums["money"] or 0.0))


def sweep(*, now: datetime) -> int:
    """Answers that are older than they are kept are dropped, figures stay. Returns how many were dropped."""
    ProviderCall.objects.filter(outcome=ProviderCall.Outcome.RUNNING, started_at__lt=now - STALE).update(
        outcome=ProviderCall.Outcome.CUT_SHORT, problem="Whoever asked has died."
    )
    old = ProviderCall.objects.filter(started_at__lt=now - settings.MODEL_ANSWERS_KEPT, answer__isnull=False)
    return old.update(answer=None)
