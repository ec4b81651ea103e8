import pytest
from django.test import RequestFactory, override_settings

from arena.requests import client_address


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        (False, None, "192.0.2.1"),
        (False, "198.51.100.7", "192.0.2.1"),
        (True, None, "192.0.2.1"),
        (True, "", "192.0.2.1"),
        (True, "198.51.100.7", "198.51.100.7"),
        # What stands before the last comma was said by the client itself.
        (True, "10.0.0.1, 198.51.100.7", "198.51.100.7"),
    ],
)
def test_whose_word_is_taken(trusted: bool, forwarded: str | None, expected: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    with override_settings(TRUST_FORWARDED_FOR=trusted):
        assert client_address(request) == expected
