import pytest
from django.test import override_settings

from arena.relay_address import RelayAddress, RelayAddressError, parse_relay_address, relay_address
from tests.evaluations.roboarena.client import RoboArenaClient
from tests.factories import Arena


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://127.0.0.1:8001", RelayAddress("127.0.0.1", 8001, "")),
        ("ws://relay.example", RelayAddress("relay.example", 80, "")),
        ("wss://relay.example/", RelayAddress("relay.example", 443, "")),
        ("wss://relay.example:8443/arena/", RelayAddress("relay.example", 8443, "/arena")),
        ("ws://[::1]:8001/a/b", RelayAddress("[::1]", 8001, "/a/b")),
        ("wss://[2001:db8::1]", RelayAddress("[2001:db8::1]", 443, "")),
    ],
)
def test_the_parts_of_an_address(url: str, expected: RelayAddress) -> None:
    assert parse_relay_address(url) == expected


def test_sockets_want_the_name_without_brackets() -> None:
    assert parse_relay_address("ws://[::1]:8001").name == "::1"
    assert parse_relay_address("ws://relay.example").name == "relay.example"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example:8001",
        "http://relay.example",
        "ws://",
        "ws://:8001",
        "ws://relay.example:port",
        "ws://relay.example:0",
        "ws://relay.example:70000",
        "ws://[::1:8001",
        "ws://user:secret@relay.example",
        "ws://relay.example/?token=1",
        "ws://relay.example/#part",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(RelayAddressError):
        parse_relay_address(url)


def test_the_setting_is_read_when_it_is_asked_for() -> None:
    with override_settings(RELAY_PUBLIC_URL="wss://relay.example"):
        assert relay_address() == RelayAddress("relay.example", 443, "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "begins"),
    [("ws://[::1]:8001", "ws://[::1]:8001/relay/"), ("wss://relay.example/a", "ws://relay.example:443/a/relay/")],
)
def test_a_client_joins_the_parts_to_an_address_of_the_relay(arena: Arena, url: str, begins: str) -> None:
    with override_settings(RELAY_PUBLIC_URL=url):
        sides = RoboArenaClient(arena).pair().json()["policies"]
    assert all(f"ws://{side['ip']}:{side['port']}".startswith(begins) for side in sides)
