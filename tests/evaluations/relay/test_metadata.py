"""The first frame: what a policy server says of itself, as the client is told it."""

from typing import Any

import pytest

from evaluations.relay.problems import Ending
from tests.evaluations.relay import openpi
from tests.evaluations.relay.conftest import Rig


@pytest.mark.parametrize("resolution", [[224, 224], [180, 320], None])
def test_the_six_fields_come_through(rig: Rig, resolution: list[int] | None) -> None:
    metadata = openpi.METADATA | {"image_resolution": resolution}
    rig.serve_policy(metadata=openpi.pack(metadata))
    assert openpi.unpack(rig.connect().recv()) == metadata


def test_nothing_else_comes_through(rig: Rig) -> None:
    telling = {"policy_name": "pi0", "checkpoint": {"path": "/home/jane/openpi", "step": 10_000, "lr": 1e-4}}
    rig.serve_policy(metadata=openpi.pack(telling | openpi.METADATA))
    frame = rig.connect().recv()
    assert frame == openpi.pack(openpi.METADATA)


def test_the_order_of_the_fields_tells_nothing(rig: Rig) -> None:
    rig.serve_policy(metadata=openpi.pack(dict(reversed(openpi.METADATA.items()))))
    assert rig.connect().recv() == openpi.pack(openpi.METADATA)


def test_a_missing_field_stays_missing(rig: Rig) -> None:
    """The client has defaults of its own; openpi's servers send none of the six."""
    rig.serve_policy(metadata=openpi.pack({"reset_pose": [0.0, 0.1]}))
    assert openpi.unpack(rig.connect().recv()) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_resolution", [224]),
        ("image_resolution", [224, 224, 3]),
        ("image_resolution", [0, 224]),
        ("image_resolution", [224, 100_000]),
        ("image_resolution", [224.0, 224.0]),
        ("image_resolution", "224x224"),
        ("needs_wrist_camera", 1),
        ("n_external_cameras", 3),
        ("n_external_cameras", -1),
        ("n_external_cameras", True),
        ("needs_stereo_camera", None),
        ("needs_session_id", "yes"),
        ("action_space", "pi0"),
        ("action_space", {"name": "joint_position"}),
    ],
)
def test_a_wrong_field_is_a_failure_of_the_policy(rig: Rig, field: str, value: Any) -> None:
    rig.serve_policy(metadata=openpi.pack(openpi.METADATA | {field: value}))
    assert rig.asked(rig.greeted()) == Ending.POLICY_ERROR.text
    assert rig.platform.closed_row()["errors"] == {"bad_metadata": 1}


@pytest.mark.parametrize("metadata", ["Traceback (most recent call last): /home/jane", b"\xc1", b"", openpi.pack([1])])
def test_what_is_no_metadata_is_not_forwarded(rig: Rig, metadata: bytes | str) -> None:
    rig.serve_policy(metadata=metadata)
    client = rig.connect()
    assert openpi.unpack(client.recv())["n_external_cameras"] == 0
    assert rig.asked(client) == Ending.POLICY_ERROR.text


def test_a_policy_that_needs_more_cameras_than_there_are_is_refused_before_the_client_fails(rig: Rig) -> None:
    rig.serve_policy(metadata=openpi.pack(openpi.METADATA | {"n_external_cameras": 2}))
    client = rig.connect()
    assert openpi.unpack(client.recv())["n_external_cameras"] == 0
    assert rig.asked(client) == Ending.CAMERA_MISSING.text
    assert rig.policy.requests == []
    assert rig.platform.closed_row()["errors"] == {"camera_missing": 1}


def test_so_is_one_that_needs_a_wrist_camera(rig: Rig) -> None:
    rig.serve_policy(route_changes={"wrist_camera": False})
    assert rig.asked(rig.greeted()) == Ending.CAMERA_MISSING.text


def test_two_cameras_serve_a_policy_of_two(rig: Rig) -> None:
    metadata = openpi.METADATA | {"n_external_cameras": 2}
    rig.serve_policy(metadata=openpi.pack(metadata), route_changes={"external_cameras": 2})
    assert openpi.unpack(rig.connect().recv()) == metadata


def test_the_metadata_are_recorded(rig: Rig) -> None:
    rig.serve_policy(metadata=openpi.pack(openpi.METADATA | {"policy_name": "pi0"}))
    rig.greeted().close()
    assert rig.platform.closed_row()["metadata"] == openpi.METADATA
