"""A report is written: evidence is gathered, words on it are asked for, each is checked, and what holds is kept."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from arena.models import Policy, PolicyVersion
from reports import policy_reports, providers, work
from reports.builtin import writer as builtin
from reports.evidence import stored
from reports.evidence.items import Evidence
from reports.evidence.reading import evidence_on
from reports.models import PolicyReport, Work
from reports.providers import BUILTIN, Answer, Provider, Purpose, Question
from reports.writing import digesting, prompt
from reports.writing.check import Problem, is_certain, problems
from reports.writing.claims import Claim, Draft, Section, Supports

NOT_SUPPORTED = "not-supported"


@dataclass
class Written:
    """What is to be published, what was mended and what was left out, and what it cost."""

    provider: str
    model: str
    prompt_version: str
    claims: list[Claim] = field(default_factory=list)
    repaired: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None

    def add_cost(self, answer: Answer[Any]) -> None:
        self.seconds += answer.seconds
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out
        if answer.cost is not None:
            self.cost = (self.cost or 0.0) + answer.cost


def do(*, work_id: uuid.UUID | str, now: datetime) -> None:
    """Write the report that this piece of work is about, or say why not and when again. A repeat does nothing."""
    piece = work.take(work_id=work_id, now=now)
    if piece is None:
        return
    version, other = policy_reports.versions_of(piece.subject)
    evidence = evidence_on(version, other)
    if evidence.overall is None:
        work.fail(piece, now=now, reason="No session counts any more.")
        return
    chosen = providers.chosen(piece.provider, providers.for_writing)
    if chosen is None:
        _keep(piece, version, other, evidence, by_templates(evidence), now)
        return
    with work.told_of_failure(piece, service=chosen.name, now=now):
        evidence, written = by_model(evidence, chosen, now=now)
        _keep(piece, version, other, evidence, written, now)


def by_templates(evidence: Evidence) -> Written:
    """The built-in writer's claims go through the same checks."""
    holding, wrong = _sort(builtin.write(evidence), evidence, _other_names(evidence))
    dropped = Counter(found[0].code for _, found in wrong)
    return Written(BUILTIN, "", builtin.VERSION, claims=holding, dropped=dropped)


def by_model(evidence: Evidence, provider: Provider, *, now: datetime) -> tuple[Evidence, Written]:
    """The evidence with what a model read in the notes, and its claims on it.

    They are checked, what fails is repaired once, and what holds is read a second time against what each cites. Raises
    a ProviderError where the model gives no answer.
    """
    names = _other_names(evidence)
    written = Written(provider.name, provider.model, prompt.PROMPT_VERSION)
    evidence, read = digesting.observe(evidence, provider, now=now)
    for one in read:
        written.add_cost(one)
    shown = prompt.show(evidence)
    holding, wrong = _sort(_ask(written, provider, shown.text, shown, now), evidence, names)
    if wrong:
        answers = _ask(written, provider, prompt.repair_text(shown, wrong), shown, now)[: len(wrong)]
        mended, still_wrong = _sort([one for one in answers if one not in holding], evidence, names)
        written.repaired = len(mended)
        written.dropped.update(found[0].code for _, found in [*still_wrong, *wrong][: len(wrong) - len(mended)])
        holding += mended
    written.claims = _supported(written, evidence, holding, provider, now)
    written.claims.sort(key=lambda claim: list(Section).index(claim.section))
    return evidence, written


def _ask(written: Written, provider: Provider, text: str, shown: prompt.Shown, now: datetime) -> list[Claim]:
    question = Question(
        purpose=Purpose.CLAIMS, prompt_version=prompt.PROMPT_VERSION, system=prompt.SYSTEM, text=text, schema=Draft
    )
    answer = provider.ask(question, now=now)
    written.add_cost(answer)
    return [prompt.with_sessions(claim, shown) for claim in answer.value.claims]


def _sort(
    claims: Sequence[Claim], evidence: Evidence, names: frozenset[str]
) -> tuple[list[Claim], list[tuple[Claim, list[Problem]]]]:
    judged = [(claim, problems(claim, evidence, other_names=names)) for claim in claims]
    return [claim for claim, found in judged if not found], [(claim, found) for claim, found in judged if found]


def _supported(
    written: Written, evidence: Evidence, claims: Sequence[Claim], provider: Provider, now: datetime
) -> list[Claim]:
    """Those that a second reading, which sees only what each cites, finds supported. One not read is not supported."""
    if not claims:
        return []
    question = Question(
        purpose=Purpose.SUPPORT,
        prompt_version=prompt.SUPPORT_VERSION,
        system=prompt.SUPPORT_SYSTEM,
        text=prompt.support_text(evidence, claims),
        schema=Supports,
    )
    answer = provider.ask(question, now=now)
    written.add_cost(answer)
    supported = {one.claim for one in answer.value.readings if one.supported}
    denied = {one.claim for one in answer.value.readings if not one.supported}
    kept = supported - denied
    written.dropped[NOT_SUPPORTED] += sum(number not in kept for number in range(len(claims)))
    return [claim for number, claim in enumerate(claims) if number in kept]


def _other_names(evidence: Evidence) -> frozenset[str]:
    """All policies of the arena but those that the report is on."""
    own = {label.partition("@")[0] for label in (evidence.subject, evidence.other) if label}
    known = Policy.objects.values_list("slug", "name")
    return frozenset(name for slug, called in known if slug not in own for name in (slug, called))


@transaction.atomic
def _keep(
    piece: Work,
    version: PolicyVersion,
    other: PolicyVersion | None,
    evidence: Evidence,
    written: Written,
    now: datetime,
) -> None:
    """With the end of the work in one transaction: whoever lost the lease meanwhile keeps nothing."""
    if not work.done(piece, now=now):
        return
    last = policy_reports.latest(version, other)
    told = stored.as_json(evidence)
    PolicyReport.objects.create(
        version=version,
        other=other,
        number=last.number + 1 if last else 1,
        made_at=now,
        sessions=len(evidence.meetings),
        evidence=told,
        claims=[claim.model_dump(mode="json") | {"certain": is_certain(claim, evidence)} for claim in written.claims],
        repaired=written.repaired,
        dropped={code: count for code, count in written.dropped.items() if count},
        changes=[one.as_json() for one in stored.changes(last.evidence if last else None, told)],
        provider=written.provider,
        model=written.model,
        prompt_version=written.prompt_version,
        seconds=written.seconds,
        tokens_in=written.tokens_in,
        tokens_out=written.tokens_out,
        cost=written.cost,
    )
