"""The pictures of docs/evaluators.md, taken of a session from its start to its reveal: `make screenshots`.

No test: pytest runs it because it needs what the browser tests need, and collects it only when it is named. The robot
is the simulated lab's, so that there is something to be seen.
"""

import io
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from arena import labs, stations
from arena.models import Role
from evaluations import assignments, media
from evaluations.models import MediaFile, Session, Side
from simlab.policies import POLICIES
from simlab.rendering import camera_for
from simlab.rollout import run_policy
from simlab.scene import Scene
from simlab.tasks import task_for
from simlab.video import Recorder
from tests import factories
from tests.e2e import evaluating
from tests.e2e.conftest import PASSWORD

FOLDER = settings.BASE_DIR / "docs" / "images" / "evaluate"
SIZES = {"wide": {"width": 1200, "height": 1040}, "tablet": {"width": 820, "height": 1180}}
TASK = "open the drawer"
COLOURS = 64

Shoot = Callable[[str], None]

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def films(policy_name: str, folder: Path) -> list[Path]:
    """A rollout of one of the simulated lab's policies, one file a camera."""
    task = task_for(TASK)
    assert task is not None
    scene = Scene(task)
    recorder = Recorder(camera_for(scene))
    run_policy(policy=POLICIES[policy_name], scene=scene, seed=7, show=recorder.show)
    paths = []
    for camera, content in recorder.films().items():
        paths.append(folder / f"{policy_name}_{camera}.mp4")
        paths[-1].write_bytes(content)
    return paths


def last_frame(film: Path) -> Path:
    """The scene as the rollout left it: what stands there when it is to be put back."""
    with av.open(str(film)) as container:
        *_, last = container.decode(video=0)
    last.to_image().save(  # type: ignore[no-untyped-call]
        film.with_suffix(".jpg")
    )
    return film.with_suffix(".jpg")


@pytest.fixture
def session(transactional_db: None) -> Session:
    owners = factories.make_lab("Policy makers")
    for name in ("Aster", "Briar", "Clover", "Daisy"):
        factories.make_version(name, lab=owners)
    lab = factories.make_lab("Robot Learning Lab")
    dana = labs.add_member(
        lab=lab, email="dana@lab.example", name="Dana", role=Role.EVALUATOR, password=PASSWORD
    ).person
    station = stations.create_station(
        lab=lab, name="Kitchen table", cameras=["left", "wrist"], limits=stations.StationLimits(place="Room 2.14")
    )
    for task in ("put the cup on the plate", "fold the towel in half"):
        earlier = assignments.open_session(person=dana, station=station, instruction=task, now=timezone.now())
        factories.finish_session(earlier)
    return assignments.open_session(person=dana, station=station, instruction=TASK, now=timezone.now())


@pytest.mark.parametrize("size", SIZES)
def test_pictures_of_a_session(
    browser: Browser, live_server: LiveServer, session: Session, tmp_path: Path, size: str
) -> None:
    context = browser.new_context(base_url=live_server.url, viewport=SIZES[size], has_touch=size == "tablet")  # type: ignore[arg-type]
    page = context.new_page()

    def shoot(name: str) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        page.evaluate("document.activeElement?.blur(); window.scrollTo(0, 0)")
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
            FOLDER / f"{name}-{size}.png", optimize=True
        )

    assert session.evaluator is not None
    evaluating.sign_in(page, session.evaluator.email)
    page.goto("/evaluate")
    shoot("1-start")
    evaluating.open_page(page, session)
    shoot("2-run")
    page.get_by_role("link", name="Rollout A is over").click()
    filmed = films("expert", tmp_path)
    score(page, session.sides.get(label="A"), filmed, percent=100, success=True)
    shoot("3-score")
    page.get_by_role("link", name="On: put the scene back").click()
    expect(page.locator("[data-start-image]").first).to_be_visible()
    page.locator("[data-overlay-file]").set_input_files(last_frame(filmed[0]))
    expect(page.locator("[data-overlay-canvas]")).to_be_visible()
    shoot("4-put-back")
    page.get_by_role("link", name="It is back: run B").click()
    page.get_by_role("link", name="Rollout B is over").click()
    score(page, session.sides.get(label="B"), films("poor-localizer", tmp_path), percent=40, success=False)
    judge(page, shoot)
    context.close()


def score(page: Page, side: Side, paths: list[Path], *, percent: int, success: bool) -> None:
    name = side.label.lower()
    page.locator(f"#files-{side.label}").set_input_files(paths)
    expect(page.locator(f"#uploads-{side.label} [data-media]")).to_have_count(len(paths))
    media.check_side(side_id=side.pk, now=timezone.now())
    assert not side.media.exclude(check_state=MediaFile.Check.PASSED).exists()
    expect(page.locator(f"#uploads-{side.label} [data-state=passed]")).to_have_count(len(paths))
    page.locator(f'[data-stage={name}][data-percent="{percent}"]').click()
    page.locator(f"input[name={name}_success][value={'yes' if success else 'no'}]").check()
    if not success:
        page.locator(f"input[name={name}_failure_modes]").first.check()
    evaluating.expect_saved(page)


def judge(page: Page, shoot: Shoot) -> None:
    page.get_by_role("link", name="On: judge").click()
    page.locator("input[name=preference][value=A]").check()
    page.locator("#notes").fill("A pulled the drawer open at once. B missed the handle twice and stopped half way.")
    shoot("5-judge")
    page.get_by_role("link", name="On: check it").click()
    evaluating.expect_saved(page)
    shoot("6-check")
    page.get_by_role("button", name="Submit the result").click()
    page.get_by_role("button", name="Skip and reveal").wait_for()
    shoot("7-question")
    page.get_by_role("button", name="Skip and reveal").click()
    page.get_by_role("heading", name="The policies were").wait_for()
    shoot("8-reveal")
