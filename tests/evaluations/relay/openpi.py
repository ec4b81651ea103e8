"""Messages as the public clients and policy servers pack them: msgpack with NumPy arrays as maps of four byte keys."""

from typing import Any

import msgpack
import numpy as np

METADATA: dict[str, Any] = {
    "image_resolution": [224, 224],
    "needs_wrist_camera": True,
    "n_external_cameras": 1,
    "needs_stereo_camera": False,
    "needs_session_id": False,
    "action_space": "joint_position",
}


def pack(message: object) -> bytes:
    packed: bytes = msgpack.packb(message, default=_array)
    return packed


def unpack(frame: bytes | str) -> Any:
    assert isinstance(frame, bytes), frame
    return msgpack.unpackb(frame, object_hook=_numpy)


def array(data: bytes, *, dtype: str, shape: list[int]) -> dict[bytes, Any]:
    """An array that may claim to be what its bytes are not."""
    return {b"__ndarray__": True, b"data": data, b"dtype": dtype, b"shape": shape}


def image(seed: int = 0, *, height: int = 224, width: int = 224) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def infer(**changed: Any) -> dict[str, Any]:
    """What client 1.5 sends to a policy with one external camera."""
    return {
        "observation/joint_position": np.arange(7, dtype=np.float64),
        "observation/cartesian_position": np.arange(6, dtype=np.float64),
        "observation/gripper_position": np.array([0.5]),
        "prompt": "what the client typed",
        "observation/exterior_image_1_left": image(1),
        "observation/wrist_image_left": image(2),
        "endpoint": "infer",
    } | changed


def reset(session_id: str = "public-id-A") -> dict[str, Any]:
    return {"session_id": session_id, "endpoint": "reset"}


def chunk(rows: int = 10, width: int = 8, dtype: str = "<f4") -> np.ndarray[Any, Any]:
    return np.linspace(-1, 1, rows * width).reshape(rows, width).astype(dtype)


def same(got: Any, sent: Any) -> bool:
    """Equality of messages, arrays by type, shape and bytes."""
    if isinstance(sent, dict):
        return got.keys() == sent.keys() and all(same(got[key], sent[key]) for key in sent)
    if isinstance(sent, np.ndarray):
        return (got.dtype, got.shape, got.tobytes()) == (sent.dtype, sent.shape, sent.tobytes())
    return bool(got == sent)


def _array(value: Any) -> dict[bytes, Any]:
    return array(value.tobytes(), dtype=value.dtype.str, shape=list(value.shape))


def _numpy(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" not in value:
        return value
    return np.frombuffer(value[b"data"], np.dtype(value[b"dtype"])).reshape(value[b"shape"])
