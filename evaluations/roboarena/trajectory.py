"""A safe reader of the client's `episode_data.npz`.

The file is a pickle inside a NumPy array inside a zip archive, and unpickling runs whatever its author wants. So NumPy
never sees it: the pickle's few names are mapped to stand-ins that only hold data, every other name is refused, and what
comes out must be plain finite numbers of the expected shape. Nor can a file make its reader large or slow: the pickle
is scanned first, and only so many of only the instructions that the client's file needs are carried out.
"""

import io
import os
import pickle
import pickletools
import sys
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any, ClassVar

MEMBER = "data.npy"
# Ten times an episode of 800 steps, of which each takes about 230 bytes and 45 instructions.
MAX_STEPS = 10_000
MAX_BYTES = 4 * 1024 * 1024
MAX_INSTRUCTIONS = 500_000
INSTRUCTIONS = frozenset(
    {"PROTO", "FRAME", "STOP", "MARK", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"}
    | {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
    | {"SHORT_BINBYTES", "SHORT_BINUNICODE", "BINUNICODE"}
    | {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS"}
    | {"EMPTY_DICT", "SETITEM", "SETITEMS"}
    | {"MEMOIZE", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"}
)
"""What pickles of such an array consist of, in the protocols 2 to 5."""
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
    if file.seek(0, os.SEEK_END) > MAX_BYTES:  # an archive's directory is read whole, however long it is
        raise TrajectoryError("too large")
    try:
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(MEMBER)
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise TrajectoryError("compressed in a way that NumPy does not use")
            if info.file_size > MAX_BYTES:
                raise TrajectoryError("too large")
            with archive.open(info) as member:
                content = member.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, RuntimeError, ValueError):
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
    pickled = content[start:]
    try:
        _scan(pickled)
        array = _Unpickler(io.BytesIO(pickled)).load()
    except TrajectoryError:
        raise
    except Exception as error:  # a pickle can be wrong in any way; none of them may pass for something else
        raise TrajectoryError("not a readable pickle") from error
    if not isinstance(array, _Array):
        raise TrajectoryError("not an array")
    return array.items


def _scan(pickled: bytes) -> None:
    """Refuse what would take more than its due, before any of it is carried out."""
    for count, (instruction, _, _) in enumerate(pickletools.genops(pickled), start=1):
        if instruction.name not in INSTRUCTIONS:
            raise TrajectoryError(f"holds the instruction {instruction.name}")
        if count > MAX_INSTRUCTIONS:
            raise TrajectoryError("holds too many instructions")


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

    stack: list[Any]
    pop_mark: Callable[[], list[Any]]
    dispatch: ClassVar[dict[int, Callable[..., None]]] = {
        ord(instruction.code): pickle._Unpickler.dispatch[ord(instruction.code)]
        for instruction in pickletools.opcodes
        if instruction.name in INSTRUCTIONS
    }

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise TrajectoryError("names something other than an array") from None

    def build(self) -> None:
        state = self.stack.pop()
        if not isinstance(
            self.stack[-1], _Array | _Dtype
        ):  # any other object would keep attributes of the file's choice
            raise TrajectoryError("gives a state to something other than an array")
        self.stack[-1].__setstate__(state)

    def set_item(self) -> None:
        value, name = self.stack.pop(), self.stack.pop()
        self._put([name, value])

    def set_items(self) -> None:
        self._put(self.pop_mark())

    def _put(self, items: list[Any]) -> None:
        fields, names = self.stack[-1], items[::2]
        if not isinstance(fields, dict) or not all(type(name) is str for name in names):
            raise TrajectoryError("a field is not named")  # hashing tuples in tuples can take for ever
        fields.update(zip(names, items[1::2], strict=True))

    dispatch[pickle.BUILD[0]] = build
    dispatch[pickle.SETITEM[0]] = set_item
    dispatch[pickle.SETITEMS[0]] = set_items


def _step(row: Any) -> Step:
    if not isinstance(row, dict) or set(row) != set(FIELDS):
        raise TrajectoryError("a step has other fields")
    return {name: _numbers(row[name], lengths) for name, lengths in FIELDS.items()}


def _numbers(values: Any, lengths: tuple[int, ...]) -> list[float]:
    if type(values) is not list or len(values) not in lengths:
        raise TrajectoryError("a field has another length")
    # No comparison with a NaN holds, and a whole number of any length can be compared, though not converted.
    if not all(type(value) in (int, float) and abs(value) <= sys.float_info.max for value in values):
        raise TrajectoryError("a field holds something other than finite numbers")
    return [float(value) for value in values]
