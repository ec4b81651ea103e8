import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from arena.errors import ArenaError
from arena.models import AuditEvent, Embodiment, Lab, Policy, Role, Source
from evaluations.models import Episode, Session, State, Tag, Tagging
from evaluations.roboarena import importer
from evaluations.tags import records
from tests.factories import finish_session, make_arena, make_lab, make_person, make_version, open_session

pytestmark = pytest.mark.django_db

UUIDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(6)]
SESSION = {
    "session_uuid": UUIDS[0],
    "status": "valid",
    "lab": "Berkeley",
    "evaluator": "evaluator-01",
    "robot": "DROID",
    "created_at": "2025-04-14 22:32:29.448670",
    "completed_at": "2025-04-14 22:33:40",
    "policy_a": "alpha",
    "policy_b": "beta",
    "preference": "A",
    "instruction": "open the drawer",
    "notes": "A opened it, B did not",
}
EPISODE = {
    "session_uuid": UUIDS[0],
    "label": "A",
    "policy": "alpha",
    "binary_success": "1",
    "progress": "1.0",
    "duration_steps": "32",
    "mean_latency_s": "",
    "third_person_camera": "right_image",
    "recorded_at": "2025-04-14 15:32:57",
}
OTHER_EPISODE = EPISODE | {"label": "B", "policy": "beta", "binary_success": "0", "progress": "0.2"}
TAG = {"session_uuid": UUIDS[0], "task_category": "Open / Close"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, sessions=[SESSION], episodes=[EPISODE, OTHER_EPISODE], tags=[TAG])
    return tmp_path


def write(folder: Path, **tables: list[dict[str, str]]) -> None:
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def test_a_session_is_taken_with_all_that_belongs_to_it(folder: Path) -> None:
    report = importer.import_folder(folder)
    assert (report.sessions, report.created, report.valid, report.rejected) == (1, 1, 1, [])
    session = Session.objects.get(pk=UUIDS[0])
    assert (session.state, session.valid, session.source) == (State.SUBMITTED, True, Source.IMPORTED)
    assert (session.lab.name, session.lab.source, session.evaluator_pseudonym) == (
        "Berkeley",
        Source.IMPORTED,
        "evaluator-01",
    )
    assert (session.tagged_category, session.category) == ("open-close", "open-close")
    assert session.pair_probability is None
    assert session.opened_at.isoformat() == "2025-04-14T22:32:29.448670+00:00"
    episode = Episode.objects.get(side__session=session, side__label="A")
    assert (episode.progress, episode.success, episode.duration_steps, episode.reported_latency_s) == (
        1,
        True,
        32,
        None,
    )
    assert session.results.get().notes == "A opened it, B did not"


def test_reading_it_again_adds_nothing(folder: Path) -> None:
    importer.import_folder(folder)
    again = importer.import_folder(folder)
    assert (again.sessions, again.created, again.valid, again.tagged) == (1, 0, 1, 0)
    assert (Session.objects.count(), Tagging.objects.count()) == (1, 1)


def test_its_tags_are_told_with_who_made_them(folder: Path) -> None:
    scene = {"clear_camera_view": "False", "good_lighting": "True", "simple_scene": "?", "reasoning_required": "True"}
    write(folder, tags=[TAG | scene])
    assert importer.import_folder(folder).tagged == 1
    look = Tagging.objects.get()
    assert (str(look.session_id), look.provider, look.model, look.prompt_version) == (
        UUIDS[0],
        "roboarena",
        "",
        "2025-04",
    )
    assert dict(look.tags.values_list("question", "answer")) == {
        "category": "open-close",
        "clear-view": "no",
        "good-light": "yes",
        "needs-reasoning": "yes",
    }


def test_a_repeat_adds_tags_that_were_missing_and_leaves_a_persons_word(folder: Path) -> None:
    """An installation that imported before tags were kept, or without them."""
    kept = (folder / "tags.csv").rename(folder / "later.csv")
    importer.import_folder(folder)
    session = Session.objects.get()
    person = make_person("dana@example.org", lab=make_lab(), role=Role.EVALUATOR)
    records.correct(session=session, question="category", answer="tool-use", by=person, now=timezone.now())
    kept.rename(folder / "tags.csv")
    again = importer.import_folder(folder)
    session.refresh_from_db()
    assert (again.created, again.tagged) == (0, 1)
    assert (session.tagged_category, session.category) == ("open-close", "tool-use")


def test_imported_policies_have_no_owner_and_are_in_no_pool(folder: Path) -> None:
    importer.import_folder(folder)
    policy = Policy.objects.get(name="alpha")
    assert (policy.lab, policy.source, policy.versions.get().pool) == (None, Source.IMPORTED, "retired")


def test_a_registered_policy_of_the_same_name_is_another_one(folder: Path) -> None:
    mine = make_version("alpha", lab=make_lab("Berkeley"))
    importer.import_folder(folder)
    imported = Policy.objects.get(name="alpha", source=Source.IMPORTED)
    assert (imported.slug, mine.policy.slug) == ("alpha-imported", "alpha")
    assert Lab.objects.filter(name="Berkeley").count() == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"session_uuid": "x"}, "session_uuid is not a uuid"),
        ({"status": "great"}, "unknown status 'great'"),
        ({"created_at": "yesterday"}, "created_at is not a time"),
        ({"completed_at": "0001-01-01T00:00:00+12:00"}, "completed_at is not a time"),
        ({"policy_a": ""}, "a policy is not named"),
        ({"policy_b": "!!!"}, "the policy name '!!!' has no letter or digit"),
        ({"policy_b": " alpha "}, "a policy is compared with itself"),
        ({"preference": "C"}, "unknown preference 'C'"),
        ({"preference": ""}, "it is marked valid but has no preference"),
        ({"notes": "A\0B"}, "notes holds a NUL character"),
        ({"instruction": "open\0"}, "instruction holds a NUL character"),
        ({"lab": "\x07"}, "A lab needs a name of 1 to 60 printable characters."),
        ({"robot": "r" * 61}, "An embodiment needs a name of 1 to 60 printable characters."),
    ],
)
def test_a_row_that_cannot_be_taken_is_reported_and_leaves_nothing_behind(
    folder: Path, change: dict[str, str], reason: str
) -> None:
    before = Embodiment.objects.count()
    write(folder, sessions=[SESSION | change])
    report = importer.import_folder(folder)
    assert (report.created, report.valid) == (0, 0)
    (rejected,) = [row for row in report.rejected if row.file == "sessions.csv"]
    assert (rejected.line, rejected.session, rejected.reason) == (2, change.get("session_uuid", UUIDS[0]), reason)
    assert not Session.objects.exists()
    assert not Lab.objects.exists()
    assert not Policy.objects.exists()
    assert Embodiment.objects.count() == before


def test_a_rejected_row_takes_nothing_from_the_rows_after_it(folder: Path) -> None:
    """The lab that was made for the first row went with it, and is made again for the second."""
    write(folder, sessions=[SESSION | {"session_uuid": UUIDS[1], "status": "invalid", "robot": "r" * 61}, SESSION])
    report = importer.import_folder(folder)
    assert (report.created, [row.line for row in report.rejected]) == (1, [2])
    assert Session.objects.get().lab == Lab.objects.get()


def test_policies_whose_names_give_one_slug_are_told_apart(folder: Path) -> None:
    make_version("pi 0", lab=make_lab("Berkeley"))
    pairs = [("pi-0", "pi 0"), ("pi_0", "Pi 0!"), ("p" * 79 + "1", "p" * 79 + "2")]
    rows = [
        SESSION | {"session_uuid": session, "status": "timed_out", "policy_a": first, "policy_b": second}
        for session, (first, second) in zip(UUIDS[1:], pairs, strict=False)
    ]
    write(folder, sessions=rows, episodes=[EPISODE])
    assert importer.import_folder(folder).created == 3
    names = [name for pair in pairs for name in pair]
    slugs = set(Policy.objects.filter(source=Source.IMPORTED, name__in=names).values_list("slug", flat=True))
    assert len(slugs) == len(names)


def test_one_session_in_two_spellings_is_one(folder: Path) -> None:
    spelled = {"session_uuid": "{" + UUIDS[0].upper().replace("-", "") + "}"}
    write(folder, sessions=[SESSION, SESSION | spelled], episodes=[EPISODE, OTHER_EPISODE | spelled])
    report = importer.import_folder(folder)
    assert (report.created, [row.reason for row in report.rejected]) == (
        1,
        ["the same session stands twice in the file"],
    )


def test_a_folder_may_have_a_long_name(folder: Path) -> None:
    longer = folder.rename(folder.with_name("f" * 200))
    assert importer.import_folder(longer).created == 1
    assert AuditEvent.objects.get(tag="import:roboarena").subject == "import:" + "f" * 193


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"progress": "nan"}, "progress"),
        ({"progress": "1.5"}, "progress"),
        ({"label": "C"}, "unknown label"),
        ({"policy": "gamma"}, "not the one of its side"),
        ({"binary_success": "yes"}, "binary_success"),
        ({"duration_steps": "-1"}, "duration_steps"),
        ({"mean_latency_s": "-3"}, "mean_latency_s"),
        ({"third_person_camera": "left\0"}, "third_person_camera holds a NUL"),
        ({"label": "B", "policy": "beta"}, "second episode"),
    ],
)
def test_an_episode_that_is_wrong_is_reported_and_its_valid_session_is_not_taken(
    folder: Path, change: dict[str, str], reason: str
) -> None:
    write(folder, episodes=[OTHER_EPISODE, EPISODE | change])
    report = importer.import_folder(folder)
    assert [row.file for row in report.rejected] == ["episodes.csv", "sessions.csv"]
    assert reason in report.rejected[0].reason
    assert "lacks an episode" in report.rejected[1].reason
    assert not Session.objects.exists()


def test_rows_of_sessions_that_are_not_there_are_reported(folder: Path) -> None:
    stray = {"session_uuid": UUIDS[5]}
    write(folder, episodes=[EPISODE, OTHER_EPISODE, EPISODE | stray], tags=[TAG, TAG | stray])
    report = importer.import_folder(folder)
    assert [(row.file, row.line) for row in report.rejected] == [("episodes.csv", 4), ("tags.csv", 3)]
    assert report.created == 1


def test_a_session_that_stands_twice_is_taken_once(folder: Path) -> None:
    write(folder, sessions=[SESSION, SESSION])
    report = importer.import_folder(folder)
    assert (report.sessions, report.created, len(report.rejected)) == (1, 1, 1)


def test_a_session_of_our_own_is_never_overwritten(folder: Path) -> None:
    own = finish_session(open_session(make_arena()))
    write(folder, sessions=[SESSION | {"session_uuid": str(own.pk)}])
    report = importer.import_folder(folder)
    assert "same id" in report.rejected[0].reason
    assert Session.objects.get().source == Source.REGISTERED


def test_unfinished_sessions_are_taken_with_their_reason(folder: Path) -> None:
    write(
        folder,
        sessions=[
            SESSION | {"session_uuid": UUIDS[1], "status": "timed_out", "instruction": "", "preference": ""},
            SESSION | {"session_uuid": UUIDS[2], "status": "invalid", "preference": ""},
        ],
    )
    importer.import_folder(folder)
    found = dict(Session.objects.values_list("state", "reason"))
    assert found == {"expired": "imported_timed_out", "submitted": "imported_invalid"}


@pytest.mark.parametrize("content", ["session_uuid\n", "\xff\xfe", 'a,"b\n'])
def test_a_file_that_is_not_the_one_expected_is_said(folder: Path, content: str) -> None:
    (folder / "sessions.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(ArenaError, match=r"sessions\.csv"):
        importer.import_folder(folder)


def test_the_command_prints_one_object(folder: Path) -> None:
    out = StringIO()
    call_command("import_roboarena", str(folder), "--json", stdout=out)
    assert json.loads(out.getvalue()) == {
        "sessions": 1,
        "created": 1,
        "valid": 1,
        "tagged": 1,
        "files": 0,
        "rejected": [],
    }


def test_the_published_evaluations_of_april_2025(shared_data: Path) -> None:
    report = importer.import_folder(shared_data / "roboarena-2025-04")
    assert (report.sessions, report.created, report.valid, report.rejected) == (913, 913, 612, [])
    assert Session.objects.valid().count() == 612
    assert Session.objects.exclude(tagged_category="").count() == report.tagged == 612
    assert Tag.objects.count() == 612 * 6
