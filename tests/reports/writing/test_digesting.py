"""Notes are read in parts, and what a model saw in them is the model's word."""

import json
from typing import Any

from django.utils import timezone

from reports.evidence.items import Group
from reports.evidence.meetings import Outcome
from reports.providers import Question
from reports.writing import digesting
from reports.writing.check import is_certain, leaning, problems
from reports.writing.claims import Citation, Claim, Section, Shows
from tests.reports.meetings import evidence, meeting, strong_at_picking
from tests.reports.speaking import Speaker

NOW = timezone.now()


def seen(what: str, *sessions: str, good: bool = True) -> dict[str, Any]:
    return {"what": what, "good": good, "sessions": list(sessions)}


def reader(*observations: dict[str, Any], merging: Any = None) -> Speaker:
    def reply(question: Question[Any]) -> Any:
        if question.schema is digesting.Merging:
            return merging(question) if merging else {"observations": []}
        return {"observations": list(observations)}

    return Speaker([], on_notes=reply)


def test_the_notes_of_many_sessions_are_read_in_parts_that_do_not_move() -> None:
    before, after = reader(), reader()
    digesting.observe(evidence(strong_at_picking(150)), before, now=NOW)
    digesting.observe(evidence(strong_at_picking(170)), after, now=NOW)
    assert [one.text.count("\n") + 1 for one in before.asked] == [60, 60, 30]
    assert [one.text for one in before.asked[:2]] == [one.text for one in after.asked[:2]]


def test_ten_thousand_sessions_take_a_bounded_number_of_questions() -> None:
    speaker = reader()
    digesting.observe(evidence(strong_at_picking(10_000)), speaker, now=NOW)
    assert len(speaker.asked) == digesting.MOST_PARTS


def test_one_part_is_not_merged() -> None:
    found, answers = digesting.observe(evidence(), reader(seen("grasps firmly and early", "S1", "S2")), now=NOW)
    (item,) = found.of_group(Group.OBSERVATION)
    assert (len(answers), item.n, item.words) == (1, 2, "grasps firmly and early")
    assert item.id == f"E{len(evidence().items) + 1}"
    assert found.by_id[item.id] is item


def test_what_several_parts_say_is_put_together() -> None:
    def merging(question: Question[Any]) -> Any:
        numbers = [json.loads(line)["number"] for line in question.text.splitlines()]
        return {"observations": [{"what": "grasps firmly and early", "members": [*numbers, 99, -1]}]}

    speaker = reader(seen("it grasps firmly", "S1"), seen("it drops a lot", "S2", good=False), merging=merging)
    found, _ = digesting.observe(evidence(strong_at_picking(180)), speaker, now=NOW)
    good, bad = sorted(found.of_group(Group.OBSERVATION), key=lambda item: item.good is False)
    assert (good.n, good.good, bad.n, bad.good) == (3, True, 3, False)


def test_sessions_that_were_made_up_and_single_ones_are_no_observation() -> None:
    found, _ = digesting.observe(evidence(), reader(seen("is the best of all", "S1", "S999")), now=NOW)
    assert found.of_group(Group.OBSERVATION) == []


def test_without_notes_nothing_is_asked() -> None:
    speaker = reader()
    digesting.observe(evidence([meeting(n, Outcome.WON, notes="") for n in range(9)]), speaker, now=NOW)
    assert speaker.asked == []


def test_an_observation_certifies_nothing_and_points_only_where_its_outcomes_do() -> None:
    lost = [meeting(n, Outcome.LOST) for n in range(9)]
    found, _ = digesting.observe(evidence(lost), reader(seen("is strong and the best", "S1", "S2", "S3")), now=NOW)
    (item,) = found.of_group(Group.OBSERVATION)
    assert leaning(item) == 0
    cited = [Citation(session=item.cited[0], shows=Shows.LOST)]
    praise = Claim(
        section=Section.STRENGTHS, text="It is strong.", direction="good", evidence=[item.id], citations=cited
    )
    assert "direction" in {one.code for one in problems(praise, found)}
    assert not is_certain(praise, found)
