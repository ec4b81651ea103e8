import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest

from evaluations.roboarena import trajectory
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


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("module", ["numpy._core.multiarray", "numpy.core.multiarray"])
def test_files_of_both_numpys_and_of_all_protocols_in_use_are_read(protocol: int, module: str) -> None:
    array = np.empty(800, dtype=object)
    array[:] = [_row() | {"joint_position": [number, -1, 300, 70_000, 2**40, 0.5, -0.5]} for number in range(800)]
    pickled = _renamed(pickle.dumps(array, protocol=protocol), module)
    steps = read_trajectory(io.BytesIO(npz_of(pickled, shape=(800,))))
    assert steps[7]["joint_position"] == [7.0, -1.0, 300.0, 70_000.0, 2.0**40, 0.5, -0.5]


@pytest.mark.parametrize(
    "value",
    [
        "text",
        [0.1] * 5,
        [float("nan")] * 6,
        [float("inf")] * 6,
        [10**400] * 6,
        [-(10**400)] * 6,
        [[0.1]] * 6,
        [True] * 6,
        ("x",),
        None,
    ],
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


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_compressed_in_another_way_is_refused(compression: int) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", compression) as file:
        file.writestr("data.npy", b"\x93NUMPY")
    with pytest.raises(TrajectoryError, match="compressed"):
        read_trajectory(archive)


def test_a_damaged_archive_is_refused() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.npy", bytes(1000))
    content = bytearray(archive.getvalue())
    start = 30 + len("data.npy")  # behind the local header: the first byte of the compressed data
    content[start : start + 4] = b"\xff" * 4
    with pytest.raises(TrajectoryError, match="no archive"):
        read_trajectory(io.BytesIO(content))


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (b"\x80\x05\x96" + struct.pack("<Q", 700_000_000) + b".", "not a readable pickle"),
        (b"\x80\x05\x96" + struct.pack("<Q", 1) + b"x.", "BYTEARRAY8"),
        (b"\x80\x04" + b"]" * 3_900_000 + b".", "too many instructions"),
        (b"\x80\x04" + b"}\x94" * 1_900_000 + b".", "too many instructions"),
        (b"\x80\x04X" + struct.pack("<I", 2**31) + b"x.", "not a readable pickle"),
        (b"\x80\x04\x8a\x01\x01" + b"2" * 10 + b".", "DUP"),
    ],
    ids=["bytearray that is announced", "bytearray", "lists", "remembered dicts", "text that is announced", "copies"],
)
def test_a_pickle_cannot_make_its_reader_large(pickled: bytes, reason: str) -> None:
    archive = io.BytesIO(npz_of(pickled, shape=(1,)))
    tracemalloc.start()
    try:
        with pytest.raises(TrajectoryError, match=reason):
            read_trajectory(archive)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * 1024 * 1024


def test_a_long_directory_is_not_read() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("data.npy", b"")
    with pytest.raises(TrajectoryError, match="too large"):
        read_trajectory(io.BytesIO(bytes(4 * 1024 * 1024) + archive.getvalue()))


def test_names_are_only_texts() -> None:
    """A tuple of pairs of pairs, 60 deep, is hashed in 2^60 steps."""
    deep = b")\x94" + b"".join(b"h%ch%c\x86\x94" % (level, level) for level in range(60))
    pickled = b"\x80\x04" + deep + b"}h\x3cK\x01s."
    with pytest.raises(TrajectoryError, match="not named"):
        read_trajectory(io.BytesIO(npz_of(pickled, shape=(1,))))


def test_the_stand_ins_keep_nothing_of_a_file() -> None:
    pickled = b"\x80\x02cnumpy._core.multiarray\n_reconstruct\n}X\x04\x00\x00\x00leftK\x01sb."
    with pytest.raises(TrajectoryError, match="gives a state"):
        read_trajectory(io.BytesIO(npz_of(pickled, shape=(1,))))
    assert not hasattr(trajectory._reconstruct, "left")


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


def _row() -> dict[str, Any]:
    return {
        "cartesian_position": [0.1] * 6,
        "joint_position": [0.2] * 7,
        "gripper_position": [0.0],
        "action": [0.0] * 8,
    }


def _with_field(name: str, value: Any) -> bytes:
    array = np.empty(1, dtype=object)
    array[0] = _row() | {name: value}
    return npz_of(pickle.dumps(array, protocol=4), shape=(1,))


def _renamed(pickled: bytes, module: str) -> bytes:
    """The pickle as a NumPy writes it that calls its module so: in a line, or in a text with its length."""
    for ours in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        name = module.encode()
        pickled = pickled.replace(b"c" + ours + b"\n", b"c" + name + b"\n")
        pickled = pickled.replace(b"\x8c%c%s" % (len(ours), ours), b"\x8c%c%s" % (len(name), name))
    return pickled
