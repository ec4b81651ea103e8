from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from simlab import rendering
from simlab.rendering import DRAWN, HEIGHT, WIDTH, camera_for, renderer
from simlab.scene import Scene
from simlab.tasks import TASKS


@pytest.fixture(autouse=True)
def _fresh_choice() -> Iterator[None]:
    renderer.cache_clear()
    yield
    renderer.cache_clear()


@pytest.mark.parametrize("wanted", ["egl", "osmesa", "drawn"])
def test_a_renderer_can_be_asked_for(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("SIMLAB_RENDERER", wanted)
    assert renderer() == wanted


def test_a_renderer_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMLAB_RENDERER", "vulkan")
    with pytest.raises(ValueError, match="egl, osmesa, drawn"):
        renderer()


def test_a_gl_library_that_fails_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMLAB_RENDERER", raising=False)
    monkeypatch.setattr(rendering, "_TRIAL", "raise SystemExit('{library}' != 'osmesa')")
    assert renderer() == "osmesa"


def test_without_any_gl_library_the_scene_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMLAB_RENDERER", raising=False)
    monkeypatch.setattr(rendering, "_TRIAL", "import os; os.abort()  # {library}")
    assert renderer() == DRAWN


def test_a_gl_library_that_hangs_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMLAB_RENDERER", raising=False)
    monkeypatch.setattr(rendering, "_TRIAL", "import signal; signal.pause()  # {library}")
    monkeypatch.setattr(rendering, "TRIAL_SECONDS", 0.2)
    assert renderer() == DRAWN


@pytest.mark.sim
def test_a_drawn_camera_shows_the_scene_from_both_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMLAB_RENDERER", "drawn")
    scene = Scene(TASKS["drawer-open-v3"])
    scene.reset(1)
    pictures = camera_for(scene).look(scene)
    assert pictures.keys() == {"left", "wrist"}
    for picture in pictures.values():
        assert picture.shape == (HEIGHT, WIDTH, 3)
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 4


@pytest.mark.sim
def test_a_new_rollout_shows_nothing_of_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMLAB_RENDERER", "drawn")
    scene = Scene(TASKS["drawer-open-v3"])
    camera = camera_for(scene)
    starts = []
    for _ in range(2):
        scene.reset(1)
        camera.begin()
        starts.append(camera.look(scene)["left"])
        scene.act(np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]))
        camera.look(scene)
    assert (starts[0] == starts[1]).all()


@pytest.mark.sim
def test_a_rendered_scene_is_the_right_way_up() -> None:
    if renderer() == DRAWN:
        pytest.skip("no GL library here: install libegl1 or libosmesa6")
    scene = Scene(TASKS["drawer-open-v3"])
    scene.reset(1)
    camera = camera_for(scene)
    pictures = {name: picture.astype(float) for name, picture in camera.look(scene).items()}
    camera.close()
    left = pictures["left"]
    red, green, blue = left[..., 0], left[..., 1], left[..., 2]
    # The table's brown wood is below, the grey background above; the drawer is green and stands on the table.
    assert (red - blue)[-60:-20, 150:].mean() > 15
    assert abs((red - blue)[:30, 200:]).mean() < 8
    drawer = np.nonzero(green - red > 20)
    assert drawer[0].size > 500
    # Seen from the wrist the fingers come from the left; one of them is cyan.
    wrist = pictures["wrist"]
    cyan = np.nonzero(wrist[..., 1] - wrist[..., 0] > 100)
    assert cyan[1].mean() < WIDTH / 2


@pytest.mark.sim
def test_a_rendered_scene_changes_with_the_hand() -> None:
    if renderer() == DRAWN:
        pytest.skip("no GL library here: install libegl1 or libosmesa6")
    scene = Scene(TASKS["drawer-open-v3"])
    scene.reset(1)
    camera = camera_for(scene)
    before = camera.look(scene)
    for _ in range(5):
        scene.act(np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    after = camera.look(scene)
    camera.close()
    for name in before:
        assert (before[name] != after[name]).any(axis=2).mean() > 0.02
