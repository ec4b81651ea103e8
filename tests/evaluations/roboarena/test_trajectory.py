import io
import os
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest

from evaluations.roboarena.trajectory import TrajectoryError, read_trajectory
from tests.evaluations.roboarena.client import episode_npz, npz_of


class RunsCode:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def test_the_clients_own_file_is_read() -> None:
    steps = read_trajectory(io.BytesIO(episode_npz(steps=4)))
    assert len(steps) == 4
    assert steps[0]["joint_position"] == [0.2] * 7


def test_a_file_that_would_run_code_runs_none(tmp_path: Any) -> None:
    made = tmp_path / "made-by-the-pickle"
    archive = npz_of(pickle.dumps(RunsCode(str(made))), shape=(1,))
    with pytest.raises(TrajectoryError, match="names something other"):
        read_trajectory(io.BytesIO(archive))
    assert not made.exists()


@pytest.mark.parametrize(
    "value", ["text", [0.1] * 5, [float("nan")] * 6, [float("inf")] * 6, [[0.1]] * 6, [True] * 6, ("x",), None]
)
def test_only_finite_numbers_of_the_right_shape_are_taken(value: Any) -> None:
    with pytest.raises(TrajectoryError):
        read_trajectory(io.BytesIO(_with_field("cartesian_position", value)))


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", b"\x93NUMPY"])
def test_a_file_that_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(TrajectoryError):
        read_trajectory(io.BytesIO(content))


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluations.roboarena.trajectory.MAX_BYTES", 1000)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.npy", b"\0" * 100_000)
    with pytest.raises(TrajectoryError, match="too large"):
        read_trajectory(archive)


@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b"\x80\x04N.",
        pickle.dumps([1, 2, 3]),
        b"\x80\x04r\xff\xff\xff\x7f.",  # a memo index of two thousand millions
        b"\x80\x04]\x94h\x00a.",  # a list that holds itself
        b"P0\n.",
    ],
)
def test_a_crafted_pickle_is_refused(pickled: bytes) -> None:
    with pytest.raises(TrajectoryError):
        read_trajectory(io.BytesIO(npz_of(pickled, shape=(1,))))


def _with_field(name: str, value: Any) -> bytes:
    row = {
        "cartesian_position": [0.1] * 6,
        "joint_position": [0.2] * 7,
        "gripper_position": [0.0],
        "action": [0.0] * 8,
    } | {name: value}
    array = np.empty(1, dtype=object)
    array[0] = row
    return npz_of(pickle.dumps(array, protocol=4), shape=(1,))
