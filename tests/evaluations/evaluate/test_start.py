import io
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from arena.models import Person, Policy, Role
from evaluations import sessions
from evaluations.evaluate import selectors
from evaluations.models import Session, TaskCategory
from evaluations.rubrics import rubric_for
from tests.factories import Arena, finish_session, make_lab, make_person, make_station, make_version, open_session

TASK = "open the drawer"


def photo(content: bytes = b"") -> SimpleUploadedFile:
    if not content:
        target = io.BytesIO()
        Image.new("RGB", (64, 48), "teal").save(target, "PNG")
        content = target.getvalue()
    return SimpleUploadedFile("scene.png", content, content_type="image/png")


def practice(arena: Arena) -> None:
    Policy.objects.filter(versions__in=[version.pk for version in arena.versions[:2]]).update(practice=True)


def test_a_stranger_signs_in_first(client: Client, db: None) -> None:
    assert client.get("/evaluate").headers["Location"] == "/sign-in?next=/evaluate"


def test_pages_take_no_other_method(dana: Client, arena: Arena) -> None:
    opened = open_session(arena)
    for path in ("/evaluate", f"/evaluate/{opened.pk}/abandon"):
        for send in (dana.put, dana.patch, dana.delete):
            assert send(path).status_code == 405
        assert dana.head(path).status_code == 200


def test_a_session_is_started_with_the_template_of_its_kind_of_task(dana: Client, arena: Arena) -> None:
    answer = dana.post("/evaluate", {"station": arena.station.pk, "instruction": f"  {TASK} "})
    session = Session.objects.get()
    assert answer.headers["Location"] == f"/evaluate/{session.pk}"
    assert (session.instruction, session.intended_category) == (TASK, TaskCategory.OPEN_CLOSE)
    assert session.rubric == [stage.as_json() for stage in rubric_for(TaskCategory.OPEN_CLOSE)]


def test_stages_that_were_worded_anew_are_kept(dana: Client, arena: Arena) -> None:
    dana.post(
        "/evaluate",
        {
            "station": arena.station.pk,
            "instruction": TASK,
            "rubric_edited": "yes",
            "stage_percent": ["100", "50", ""],
            "stage_text": ["open", "half open", ""],
        },
    )
    assert Session.objects.get().rubric == [{"percent": 50, "text": "half open"}, {"percent": 100, "text": "open"}]


def test_without_scripts_untouched_stages_give_way_to_those_of_the_task(dana: Client, arena: Arena) -> None:
    general = rubric_for(TaskCategory.UNKNOWN)
    stages = {"stage_percent": [s.percent for s in general], "stage_text": [s.text for s in general]}
    dana.post("/evaluate", {"station": arena.station.pk, "instruction": TASK} | stages)
    assert Session.objects.get().rubric == [stage.as_json() for stage in rubric_for(TaskCategory.OPEN_CLOSE)]


def test_a_double_click_opens_one_session_and_a_photo_is_kept_with_it(dana: Client, arena: Arena) -> None:
    form = {"station": arena.station.pk, "instruction": TASK}
    first = dana.post("/evaluate", form | {"photo": photo()}).headers["Location"]
    assert dana.post("/evaluate", form).headers["Location"] == first
    assert Session.objects.get().photos.get().moment == "start"


@pytest.mark.parametrize(
    ("change", "status", "message", "place"),
    [
        ({"instruction": "  "}, 400, "Say what the robot is to do", "instruction-error"),
        ({"instruction": "x" * 2001}, 400, "longer than 2000", "instruction-error"),
        ({"station": ""}, 400, "at which station", "station-error"),
        ({"station": "999999"}, 404, "no such station", "station-error"),
        ({"station": "first"}, 404, "no such station", "station-error"),
        (
            {"rubric_edited": "yes", "stage_percent": "4 0", "stage_text": "there"},
            400,
            "whole progress",
            "rubric-error",
        ),
        ({"rubric_edited": "yes", "stage_percent": "40", "stage_text": "y" * 200}, 400, "160 char", "rubric-error"),
        ({"photo": "broken"}, 400, "no photo that we can read", "photo-error"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    dana: Client, arena: Arena, change: dict[str, str], status: int, message: str, place: str
) -> None:
    form = {"station": str(arena.station.pk), "instruction": TASK, "stage_percent": ["40"], "stage_text": ["my stage"]}
    form |= {"rubric_edited": "yes"} | change
    files = {"photo": photo(b"no picture")} if "photo" in change else {}
    answer = dana.post("/evaluate", form | files)
    page = answer.content.decode()
    assert answer.status_code == status
    assert message in page.partition(f'id="{place}"')[2][:300]
    assert not Session.objects.exists()
    if "instruction" not in change:
        assert TASK in page
    if "stage_text" not in change:
        assert "my stage" in page


def test_hostile_words_are_shown_as_text(dana: Client, arena: Arena) -> None:
    hostile = "</textarea><script>alert(1)</script>"
    dana.post("/evaluate", {"station": arena.station.pk, "instruction": hostile})
    pages = [dana.get("/evaluate"), dana.get("/evaluate", {"instruction": hostile, "station": hostile})]
    pages.append(dana.get(f"/evaluate/{Session.objects.get().pk}"))
    pages.append(dana.post("/evaluate", {"station": hostile, "instruction": hostile, "stage_text": hostile}))
    assert not any("<script>alert" in page.content.decode() for page in pages)


def test_nothing_to_draw_from_is_said_above_the_form(dana: Client, arena: Arena) -> None:
    for version in arena.versions:
        version.endpoint.health = "down"
        version.endpoint.save()
    answer = dana.post("/evaluate", {"station": arena.station.pk, "instruction": TASK})
    assert answer.status_code == 409
    assert "Fewer than two policies" in answer.content.decode()


def test_the_station_of_another_lab_is_not_there(dana: Client, arena: Arena) -> None:
    foreign = make_station(lab=make_lab())
    page = dana.get("/evaluate", {"station": foreign.pk}).content.decode()
    assert foreign.name not in page
    assert dana.post("/evaluate", {"station": foreign.pk, "instruction": TASK}).status_code == 404


def test_a_retired_station_opens_nothing(dana: Client, arena: Arena) -> None:
    other = make_station(lab=arena.lab)
    other.retired_at = timezone.now()
    other.save()
    assert other.name not in dana.get("/evaluate").content.decode()
    assert dana.post("/evaluate", {"station": other.pk, "instruction": TASK}).status_code == 404


def test_one_without_a_station_is_told_where_to_make_one(client: Client, db: None) -> None:
    lab = make_lab()
    client.force_login(make_person("alice@example.org", lab=lab, role=Role.ADMIN))
    assert f"/lab/{lab.slug}/stations" in client.get("/evaluate").content.decode()
    client.force_login(Person.objects.create_user("nobody@example.org"))
    assert "/join" in client.get("/evaluate").content.decode()


def test_the_station_used_last_is_chosen(dana: Client, arena: Arena) -> None:
    other = make_station(lab=arena.lab)
    open_session(arena)
    assert dana.get("/evaluate").context["form"].station == str(arena.station.pk)
    assert dana.get("/evaluate", {"station": other.pk}).context["form"].station == str(other.pk)


def test_a_task_that_has_rested_is_due_again(arena: Arena) -> None:
    now = timezone.now()

    def due(at: timedelta) -> dict[str, bool]:
        return {task.instruction: task.is_due for task in selectors.recent_tasks(arena.station, now=now + at)}

    finish_session(open_session(arena, "evaluated", now=now), now=now)
    finish_session(open_session(arena, "not valid", now=now), valid=False, now=now)
    finish_session(open_session(arena, "asked again", now=now), now=now)
    open_session(arena, "asked again", now=now + timedelta(days=2))
    assert due(timedelta(hours=23)) == {"asked again": False, "not valid": False, "evaluated": False}
    assert due(timedelta(hours=49)) == {"asked again": False, "not valid": False, "evaluated": True}


def test_tasks_that_are_due_keep_two_places(dana: Client, arena: Arena) -> None:
    old, now = timezone.now() - timedelta(days=3), timezone.now()
    for number in range(3):
        at = old + timedelta(minutes=number)
        finish_session(open_session(arena, f"old {number}", now=at), now=at)
    for number in range(7):
        open_session(arena, f"new {number}", now=now - timedelta(minutes=9 - number))
    page = dana.get("/evaluate")
    tasks = [task.instruction for task in page.context["recent"]]
    assert tasks == ["new 6", "new 5", "new 4", "new 3", "old 2", "old 1"]
    assert page.content.decode().count("due again") == 2


def test_recent_tasks_of_the_lab_are_at_hand_each_once(dana: Client, arena: Arena) -> None:
    for task in ("stack the cups", "fold the towel", "stack the cups"):
        finish_session(open_session(arena, task))
    bob = make_person("bob@example.org", lab=arena.lab, role=Role.EVALUATOR)
    dana.force_login(bob)
    assert [task.instruction for task in dana.get("/evaluate").context["recent"]] == [
        "stack the cups",
        "fold the towel",
    ]
    dana.force_login(make_person("charlie@example.org", lab=arena.owners, role=Role.EVALUATOR))
    make_station(lab=arena.owners)
    assert dana.get("/evaluate").context["recent"] == []


def test_a_task_is_taken_with_its_stages(dana: Client, arena: Arena) -> None:
    session = open_session(arena, TASK)
    own = [{"percent": 30, "text": "touched"}, {"percent": 100, "text": "open"}]
    Session.objects.create(
        **{field.attname: getattr(session, field.attname) for field in Session._meta.fields if field.attname != "id"}
        | {"rubric": own, "pk": (other := uuid.uuid4())}
    )
    page = dana.get("/evaluate", {"like": str(other)}).content.decode()
    assert TASK in page
    assert "touched" in page
    assert 'name="rubric_edited" value="yes"' in page


@pytest.mark.parametrize("like", ["", "x", "0" * 32])
def test_an_unknown_session_fills_nothing(dana: Client, arena: Arena, like: str) -> None:
    assert dana.get("/evaluate", {"like": like}).context["form"].instruction == ""


def test_a_session_of_a_strangers_lab_fills_nothing(client: Client, arena: Arena) -> None:
    session = finish_session(open_session(arena, "a task of theirs"))
    client.force_login(make_person("charlie@example.org", lab=make_lab(), role=Role.EVALUATOR))
    assert "a task of theirs" not in client.get("/evaluate", {"like": str(session.pk)}).content.decode()


def test_the_stages_follow_the_instruction(dana: Client, arena: Arena) -> None:
    page = dana.get("/evaluate/rubric", {"instruction": TASK}).content.decode()
    assert "The hand is at the right handle or lid" in page
    assert "<html" not in page


def test_a_newcomer_trains_first(dana: Client, arena: Arena) -> None:
    practice(arena)
    assert "First, a training session" in dana.get("/evaluate").content.decode()
    form = {"station": arena.station.pk, "instruction": TASK}
    refused = dana.post("/evaluate", form)
    assert refused.status_code == 409
    assert "Your first session is a training session" in refused.content.decode()
    dana.post("/evaluate", form | {"training": "yes"})
    session = Session.objects.get()
    assert session.training
    finish_session(session)
    assert "First, a training session" not in dana.get("/evaluate").content.decode()
    assert dana.post("/evaluate", form).status_code == 302
    assert dana.post("/evaluate", form | {"training": "yes"}).status_code == 302
    assert sorted(Session.objects.values_list("training", flat=True)) == [False, True, True]


def test_open_sessions_come_first_with_what_is_next(dana: Client, arena: Arena) -> None:
    session = open_session(arena, TASK)
    veiled = open_session(arena, "judged already")
    judgement = sessions.Judgement(preference=None, notes="", valid=False)
    sessions.submit(session=veiled, judgement=judgement, now=timezone.now(), veiled=True)
    page = dana.get("/evaluate")
    found = {entry.session.pk: entry.next for entry in page.context["unfinished"]}
    assert found == {session.pk: "Run A", veiled.pk: "One question before the reveal"}
    sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
    assert session.pk not in {entry.session.pk for entry in selectors.unfinished(arena.dana, timezone.now())}


def test_the_page_takes_few_queries_however_much_there_is(
    dana: Client, arena: Arena, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    practice(arena)
    with django_assert_max_num_queries(20) as before:
        dana.get("/evaluate")
    for number in range(8):
        make_station(lab=arena.lab)
        make_version(lab=arena.owners)
        finish_session(open_session(arena, f"task {number}"))
        open_session(arena, f"open {number}")
    with django_assert_max_num_queries(20) as after:
        dana.get("/evaluate")
    assert len(after) <= len(before) + 2  # sides and stations are looked for only where there are some
