"""A safe reader of the client's `episode_data.npz`.

The file is a pickle inside a NumPy array inside a zip archive, and unpickling runs whatever its author wants. So NumPy
never sees it: the pickle's few names are mapped to stand-ins that only hold data, every other name is refused, and what
comes out must be plain finite numbers of the expected shape, within limits.
"""

import io
import math
import pickle
import zipfile
from collections.abc import Callable
from typing import IO, Any

MEMBER = "data.npy"
MAX_BYTES = 64 * 1024 * 1024
MAX_STEPS = 20_000
# Each step's fields with the lengths that the client writes.
FIELDS = {
    "cartesian_position": (6,),
    "joint_position": (7,),
    "gripper_position": (1,),
    "action": (7, 8),
}

Step = dict[str, list[float]]


class TrajectoryError(Exception):
    """The file is not a trajectory as the client writes it; nothing of it was run."""


def read_trajectory(file: IO[bytes]) -> list[Step]:
    """The steps of an episode: for each field of FIELDS a list of floats. Raises TrajectoryError."""
    rows = _unpickle(_member(file))
    if not isinstance(rows, list) or len(rows) > MAX_STEPS:
        raise TrajectoryError("not a list of steps")
    return [_step(row) for row in rows]


def _member(file: IO[bytes]) -> bytes:
    try:
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(MEMBER)
            if info.file_size > MAX_BYTES:
                raise TrajectoryError("too large")
            with archive.open(info) as member:
                content = member.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise TrajectoryError(f"no archive with {MEMBER}") from None
    if len(content) > MAX_BYTES:  # the archive's directory may lie about sizes
        raise TrajectoryError("too large")
    return content


def _unpickle(content: bytes) -> Any:
    """The list inside the array. The format: magic, version, length of the header, header, pickle."""
    if content[:6] != b"\x93NUMPY" or content[6:7] not in {b"\x01", b"\x02"}:
        raise TrajectoryError("not a NumPy file")
    width = 2 if content[6] == 1 else 4
    start = 8 + width + int.from_bytes(content[8 : 8 + width], "little")
    if b"'descr': '|O'" not in content[8 + width : start]:
        raise TrajectoryError("not an array of objects")
    try:
        array = _Unpickler(io.BytesIO(content[start:])).load()
    except TrajectoryError:
        raise
    except Exception as error:  # a pickle can be wrong in any way; none of them may pass for something else
        raise TrajectoryError("not a readable pickle") from error
    if not isinstance(array, _Array):
        raise TrajectoryError("not an array")
    return array.items


class _Array:
    """Stands for numpy.ndarray: keeps the list of an object array, nothing else."""

    items: Any = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise TrajectoryError("not an array's state")
        self.items = state[4]


class _Dtype:
    """Stands for numpy.dtype: swallows whatever describes it."""

    def __init__(self, *described: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...


def _reconstruct(*described: Any) -> _Array:
    return _Array()


_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _Unpickler(pickle._Unpickler):
    """The one in Python: its memo is a dict, so that a crafted index cannot make it allocate gigabytes."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise TrajectoryError("names something other than an array") from None

    def persistent_load(self, pid: Any) -> Any:
        raise TrajectoryError("refers to something outside the file")


def _step(row: Any) -> Step:
    if not isinstance(row, dict) or set(row) != set(FIELDS):
        raise TrajectoryError("a step has other fields")
    return {name: _numbers(row[name], lengths) for name, lengths in FIELDS.items()}


def _numbers(values: Any, lengths: tuple[int, ...]) -> list[float]:
    if type(values) is not list or len(values) not in lengths:
        raise TrajectoryError("a field has another length")
    if not all(type(value) in (int, float) and math.isfinite(value) for value in values):
        raise TrajectoryError("a field holds something other than finite numbers")
    return [float(value) for value in values]
