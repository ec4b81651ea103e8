"""A report as Markdown, as JSON, and in the shape of the RoboArena website."""

import json
from typing import Any

import pytest
from django.test import Client

from arena.models import Policy
from evaluations import sessions
from reports.markdown import plain
from reports.models import PolicyReport
from reports.outputs import ReportOutput
from tests.factories import Arena, make_arena, make_steward
from tests.reports.written import play, write

pytestmark = pytest.mark.django_db
NASTY = "<img src=x onerror=alert('1')> **bold** [x](javascript:1) | `code`"
NOTES = "Policy {label} dropped the cup <b>hard</b> | [click](javascript:alert)."


@pytest.fixture
def arena() -> Arena:
    made = make_arena(policies_in_pool=2)
    for number in range(6):
        play(made, f"{NASTY} {number}", notes=NOTES.format(label="A") + NOTES.format(label="B"))
    return made


@pytest.fixture
def report(arena: Arena) -> PolicyReport:
    written = write(arena.versions[0])
    assert written is not None
    return written


def test_the_json_is_what_its_form_says(arena: Arena, report: PolicyReport, client: Client) -> None:
    told: Any = client.get(f"/versions/{arena.versions[0].label}/report.json").json()
    assert told == json.loads(json.dumps(ReportOutput(told).data)), "the form that the API describes has every field"
    assert (told["schema"], told["version"], told["sessions"]) == (1, arena.versions[0].label, 6)
    items = {item["id"]: item for item in told["evidence"]["items"]}
    for claim in told["claims"]:
        inside = {told["evidence"]["sessions"][place] for one in claim["evidence"] for place in items[one]["sessions"]}
        assert {one["session"] for one in claim["citations"]} <= inside


def test_nothing_that_people_wrote_is_markup_in_markdown(arena: Arena, report: PolicyReport, client: Client) -> None:
    answer = client.get(f"/versions/{arena.versions[0].label}/report.md")
    text = answer.content.decode()
    assert answer.headers["Content-Type"].startswith("text/markdown")
    assert "dropped the cup \\<b\\>hard\\</b\\> \\| \\[click\\]\\(javascript:alert\\)" in text
    rows = [line for line in text.splitlines() if line.startswith("| E")]
    assert len(rows) == len(report.evidence["items"])
    assert f"](http://testserver/sessions/{report.claims[0]['citations'][0]['session']})" in text


def analyses(client: Client) -> list[dict[str, Any]]:
    answer: Any = client.get("/api/policy_analysis.json")
    assert answer["Access-Control-Allow-Origin"] == "*"
    found: list[dict[str, Any]] = answer.json()
    return found


def test_the_website_reads_the_last_report_in_its_own_shape(arena: Arena, report: PolicyReport, client: Client) -> None:
    play(arena, NASTY)
    write(arena.versions[0])
    (found,) = analyses(client)
    assert {name: type(value) for name, value in found.items()} == {
        "policy_name": str,
        "number_of_head_to_head_evaluations": int,
        "full_report": str,
        "summary": str,
        "episode_reports": list,
        "session_id_to_video_path": dict,
        "session_id_to_prompt": dict,
    }
    assert found["number_of_head_to_head_evaluations"] == 7
    cited = {text.partition("</ref>")[0] for text in found["full_report"].split("<ref>")[1:]}
    assert cited
    assert cited == set(found["session_id_to_prompt"])


def test_the_website_puts_it_into_html_so_it_is_escaped(arena: Arena, report: PolicyReport, client: Client) -> None:
    (found,) = analyses(client)
    whole = json.dumps(found).replace("<ref>", "").replace("</ref>", "")
    assert "&lt;img src=x onerror=alert(&#x27;1&#x27;)&gt;" in whole
    assert "<" not in whole
    assert "'" not in "".join(found["session_id_to_prompt"].values())


def test_the_website_is_not_told_of_sessions_that_count_no_more(
    arena: Arena, report: PolicyReport, client: Client
) -> None:
    session = arena.versions[0].sides.get(session=report.claims[0]["citations"][0]["session"]).session
    assert str(session.pk) in str(analyses(client))
    sessions.exclude(session=session, reason="scene", comment="moved", by=make_steward())
    assert str(session.pk) not in str(analyses(client))


def test_videos_are_paths_below_the_platforms_address(client: Client) -> None:
    arena = make_arena(policies_in_pool=2)
    session = play(arena, "put the cup on the plate", video=b"no video")
    write(arena.versions[0])
    (found,) = analyses(client)
    side = arena.versions[0].sides.get()
    assert found["session_id_to_video_path"] == {str(session.pk): f"sessions/{session.pk}/{side.label}/left.mp4"}
    path = found["session_id_to_video_path"][str(session.pk)]
    assert b"".join(client.get(f"/{path}").streaming_content) == b"no video"  # type: ignore[attr-defined]


def test_simulated_policies_are_not_told_to_the_website(arena: Arena, report: PolicyReport, client: Client) -> None:
    Policy.objects.update(simulated=True)
    answer = client.get("/api/policy_analysis.json")
    assert (answer.status_code, answer.json()) == (404, {"error": "analysis report not available"})


@pytest.mark.parametrize("text", ["- a", "# a", "+ a", "1. a", "12. a", "=", "---"])
def test_no_text_begins_what_it_is_not(text: str) -> None:
    assert plain(text).replace("\\", "") == text
    assert "\\" in plain(text)


def test_names_are_left_readable() -> None:
    assert plain("quiet-heron@1.2") == "quiet-heron@1.2"
