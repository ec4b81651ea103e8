"""Which addresses the relay connects to, whatever an owner names."""

import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from arena.addresses import AddressError, check_endpoint_url
from evaluations.relay.addresses import is_allowed
from evaluations.relay.problems import Ending
from tests.evaluations.relay.conftest import Rig
from tests.evaluations.relay.doubles import PolicyServer

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
# Private, but a station of the installation may well be there.
PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
]
# Never a policy server.
NEVER = [
    "0.0.0.0",
    "169.254.169.254",
    "169.254.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "::ffff:0.0.0.0",
]
# Reserved, for documentation, for tests, or a form that hides where it leads.
ODD = [
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.5",
    "240.0.0.1",
    "192.0.0.8",
    "2001:db8::1",
    "2001:0:808:808::1",
    "64:ff9b:1::808:808",
    "fec0::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), allow_private=False)


@pytest.mark.parametrize("address", [*PRIVATE, *ODD, *NEVER])
def test_all_others_are_refused(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), allow_private=False)


@pytest.mark.parametrize("address", [*PUBLIC, *PRIVATE])
def test_an_installation_may_allow_private_ones(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", NEVER)
def test_but_not_those_where_a_cloud_serves_its_credentials(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), allow_private=True)


@pytest.mark.parametrize(
    ("url", "host", "port", "secure"),
    [
        ("ws://policy.example:8000", "policy.example", 8000, False),
        ("wss://policy.example", "policy.example", 443, True),
        ("ws://policy.example/some/path?x=1", "policy.example", 80, False),
        ("ws://[2606:4700::1]:8000/", "2606:4700::1", 8000, False),
    ],
)
def test_an_address_and_its_parts(url: str, host: str, port: int, secure: bool) -> None:
    endpoint = check_endpoint_url(url)
    assert (endpoint.host, endpoint.port, endpoint.secure) == (host, port, secure)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "policy.example:8000",
        "http://policy.example",
        "ws://",
        "ws://:8000",
        "ws://user@policy.example",
        "ws://user:word@policy.example",
        "ws://@policy.example",
        "ws://policy.example#x",
        "ws://policy.example#",
        "ws://policy.example:0",
        "ws://policy.example:65536",
        "ws://policy.example:x",
        "ws://[::1",
        "ws://policy.example/\r\nHost: x",
        "ws://policy .example",
        "ws://pölicy.example",
        "ws://policy.example/" + "x" * 500,
    ],
)
def test_what_is_no_address_of_a_policy_server(url: str) -> None:
    with pytest.raises(AddressError):
        check_endpoint_url(url)


class Names:
    """A resolver whose answers change from one look-up to the next."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = iter(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return next(self.answers)


def test_the_checked_address_is_the_one_connected_to(rig: Rig) -> None:
    """A name that means another machine at the second look-up is never looked up a second time."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    rig.relay(resolver=names)
    rig.serve_policy()
    rig.lead_to(f"ws://policy.example:{rig.policy.port}/path")
    assert "actions" in rig.asked(rig.greeted())
    assert names.asked == ["policy.example"]
    request = rig.policy.connections[0].request
    assert request is not None
    assert (request.headers["Host"], request.path) == (f"policy.example:{rig.policy.port}", "/path")


def test_one_bad_address_refuses_the_name(rig: Rig) -> None:
    rig.relay(resolver=Names(["127.0.0.1", "169.254.169.254"]))
    rig.serve_policy()
    assert rig.asked(rig.greeted()) == Ending.POLICY_ERROR.text
    assert rig.policy.connections == []
    assert rig.platform.closed_row()["errors"] == {"address_refused": 1}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_a_private_address_in_any_writing_is_refused(rig: Rig, host: str) -> None:
    rig.relay(allow_private=False)
    rig.serve_policy()
    rig.lead_to(f"ws://{host}:{rig.policy.port}")
    assert rig.asked(rig.greeted()) == Ending.POLICY_ERROR.text
    assert rig.policy.connections == []
    assert rig.platform.closed_row()["errors"] == {"address_refused": 1}


def test_an_address_that_does_not_answer_is_passed_over(rig: Rig) -> None:
    rig.relay(resolver=Names(["::1", "127.0.0.1"]))
    rig.serve_policy()
    rig.lead_to(f"ws://policy.example:{rig.policy.port}")
    assert "actions" in rig.asked(rig.greeted())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(rig: Rig, status: int) -> None:
    target = PolicyServer()

    def redirect(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(status, "elsewhere\n")
        response.headers["Location"] = target.url
        return response

    with target.running(), PolicyServer().running(process_request=redirect) as redirecting:
        rig.lead_to(redirecting.url)
        assert rig.asked(rig.greeted()) == Ending.POLICY_ERROR.text
        assert target.connections == []
    assert rig.platform.closed_row()["errors"] == {"handshake_failed": 1}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key in one file, for policy.example."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    key, crt, both = folder / "key", folder / "crt", folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=policy.example"),
            *("-addext", "subjectAltName=DNS:policy.example"),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + crt.read_text())
    return both


@pytest.fixture
def secure(rig: Rig, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A policy server behind TLS, whose certificate the relay's machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    rig.relay(resolver=Names(["127.0.0.1"]))
    with PolicyServer().running(ssl=context) as rig.policy:
        yield rig


def test_tls_with_the_certificate_of_the_name(secure: Rig) -> None:
    secure.lead_to(f"wss://policy.example:{secure.policy.port}")
    assert "actions" in secure.asked(secure.greeted())


def test_tls_with_the_certificate_of_another_name(secure: Rig) -> None:
    secure.lead_to(f"wss://other.example:{secure.policy.port}")
    assert secure.asked(secure.greeted()) == Ending.POLICY_ERROR.text
    assert secure.platform.closed_row()["errors"] == {"tls_failed": 1}


def test_a_server_that_speaks_something_else(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        rig.lead_to(f"ws://127.0.0.1:{server.getsockname()[1]}")
        assert rig.asked(rig.greeted()) == Ending.POLICY_ERROR.text
        thread.join()
    assert rig.platform.closed_row()["errors"] == {"handshake_failed": 1}
