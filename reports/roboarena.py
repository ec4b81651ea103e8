"""The report endpoint of the RoboArena website, in its exact shape. Its page puts texts into HTML as they are, so they
are escaped here; `<ref>` alone is a tag, around the session that a sentence rests on."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from arena.models import PolicyVersion, Source
from evaluations.models import MediaFile
from reports import pages
from reports.models import PolicyReport
from reports.pages import Citation, ShownClaim
from reports.told import Told, told
from reports.writing.claims import Section

VIDEOS = (MediaFile.Kind.LEFT, MediaFile.Kind.RIGHT, MediaFile.Kind.WRIST)
"""Which camera of a rollout stands for it, the first that there is."""


@require_safe
def policy_analysis(request: HttpRequest) -> JsonResponse:
    found = [_analysis(told(report)) for report in _latest().iterator(chunk_size=20)]
    if found:
        answer = JsonResponse(found, safe=False)
    else:
        answer = JsonResponse({"error": "analysis report not available"}, status=404)
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def _latest() -> QuerySet[PolicyReport]:
    """Of each listed version of real robots the last report."""
    real = PolicyReport.objects.filter(other=None, version__policy__source=Source.REGISTERED)
    real = real.filter(version__policy__simulated=False).exclude(version__in=PolicyVersion.objects.unlisted())
    last = real.order_by("version_id", "-number").distinct("version_id").values("pk")
    return PolicyReport.objects.filter(pk__in=last).select_related("version__policy").order_by("version__policy__slug")


def _analysis(found: Told) -> dict[str, Any]:
    sections = pages.sections(found)
    cited = dict.fromkeys(one.session for _, _, claims in sections for claim in claims for one in _citations(claim))
    records = {one: found.evidence["records"][one] for one in cited if one in found.evidence["records"]}
    overview = [claim for key, _, claims in sections if key == Section.OVERVIEW for claim in claims]
    return {
        "policy_name": escape(found.report.version.shown_label),
        "number_of_head_to_head_evaluations": found.report.sessions,
        "full_report": "\n\n".join(_section(title, claims) for _, title, claims in sections),
        "summary": " ".join(escape(claim.text) for claim in overview),
        "episode_reports": [_episode(session, record) for session, record in records.items()],
        "session_id_to_video_path": _videos(records),
        "session_id_to_prompt": {session: escape(record["instruction"]) for session, record in records.items()},
    }


def _citations(claim: ShownClaim) -> list[Citation]:
    """Those that count today: the form has no word for one that was excluded since."""
    return [one for one in claim.citations if not one.excluded]


def _section(title: str, claims: Sequence[ShownClaim]) -> str:
    return "\n\n".join([f"## {escape(title)}", *(_sentence(claim) for claim in claims)])


def _sentence(claim: ShownClaim) -> str:
    mark = f" ({claim.mark})" if claim.mark else ""
    return f"{escape(claim.text)}{mark}" + "".join(f" <ref>{escape(one.session)}</ref>" for one in _citations(claim))


def _episode(session: str, record: Mapping[str, Any]) -> str:
    progress = "" if record["progress"] is None else f", progress {round(100 * record['progress'])} %"
    against = f"against {escape(record['opponent'])}"
    return f"{escape(record['instruction'])}: {record['outcome']} {against}{progress}. <ref>{escape(session)}</ref>"


def _videos(records: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Of the policy's own rollouts, as paths below the address of the platform."""
    rank = {kind.value: place for place, kind in enumerate(VIDEOS)}
    films = MediaFile.objects.filter(side__session__in=list(records), withdrawn_at=None, kind__in=rank)
    rows = films.values_list("side__session", "side__label", "kind")
    own = [(str(session), label, kind) for session, label, kind in rows if records[str(session)]["label"] == label]
    best = {session: (label, kind) for session, label, kind in sorted(own, key=lambda one: -rank[one[2]])}
    return {session: reverse("session-video", args=[session, *film]).lstrip("/") for session, film in best.items()}
