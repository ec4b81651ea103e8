"""One request to a chat-completions API and what came back: a text with figures, or one of our errors.

The reply is read in bounded pieces within bounded time, redirects are not followed, and the key is blotted out of
whatever the server says.
"""

import json
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

import openai
from openai import DefaultHttpxClient, OpenAI

from reports.providers import Misconfigured, ProviderError, Temporary, Unusable
from workers.providers.options import Options

LARGEST_REPLY_BYTES = 4 * 1024 * 1024
LONGEST_RETRY_AFTER_S = 3600.0
_LONGEST_SAID = 200
_MOST_TOKENS = 100_000_000


class Refused(ProviderError):
    """The server does not take this request: it may take it in another form."""


@dataclass(frozen=True)
class Said:
    text: str
    was_cut: bool = False
    refuses: bool = False
    tokens_in: int | None = None
    """None where the server gives no usable figure."""
    tokens_out: int | None = None


class _OutOfBounds(Exception):
    pass


class _BoundedClient(DefaultHttpxClient):
    """Reads every reply whole before it is looked at, up to a size and within a time."""

    def __init__(self, *, timeout_s: float) -> None:
        super().__init__(timeout=timeout_s, follow_redirects=False)
        self._seconds = timeout_s

    def send(self, request: Any, *, stream: bool = False, **options: Any) -> Any:
        until = time.monotonic() + self._seconds
        reply = super().send(request, stream=True, **options)
        try:
            content = bytearray()
            for piece in reply.iter_bytes():
                content += piece
                if len(content) > LARGEST_REPLY_BYTES:
                    raise _OutOfBounds(f"its reply is larger than {LARGEST_REPLY_BYTES // 1024**2} MB")
                if time.monotonic() > until:
                    raise _OutOfBounds(f"its reply was not complete after {self._seconds:g} s")
        finally:
            reply.close()
        headers = [(name, value) for name, value in reply.headers.multi_items() if name != "content-encoding"]
        return type(reply)(reply.status_code, headers=headers, content=bytes(content), request=request)


class Exchange:
    """A server's address, with a pool of connections to it. Threads may share it."""

    def __init__(self, options: Options) -> None:
        self._options = options
        # The client insists on a key, so that a server without one is sent a word. What the environment holds for
        # another service, keys as well as headers, is not sent to this one.
        key = options.key or "none"
        self._client = OpenAI(
            base_url=options.url,
            api_key=key,
            default_headers={"Authorization": f"Bearer {key}"},
            http_client=_BoundedClient(timeout_s=options.timeout_s),
            max_retries=0,
        )
        self._client.organization = self._client.project = None

    def close(self) -> None:
        self._client.close()

    def say(self, **request: Any) -> Said:
        """Raises Temporary, Misconfigured, Unusable, or Refused."""
        request.setdefault("model", self._options.model)
        said = _said(self._reply(self._client.chat.completions.with_raw_response.create, **request))
        return replace(said, text=self._without_key(said.text))

    def models(self) -> list[str]:
        """The names that the server lists."""
        listed = self._reply(self._client.models.with_raw_response.list).get("data")
        found = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        return [name for name in found if isinstance(name, str)]

    def _reply(self, call: Any, **request: Any) -> dict[str, Any]:
        try:
            content = call(**request).http_response.content
        except openai.APIStatusError as error:
            raise self._of_status(error) from None
        except openai.APITimeoutError:
            raise Temporary(f"{self._name} did not answer within {self._options.timeout_s} s.") from None
        except openai.APIConnectionError as error:
            why = type(error.__cause__).__name__ if error.__cause__ else "no connection"
            raise Temporary(f"{self._name} cannot be reached, or hung up ({why}).") from None
        except _OutOfBounds as error:
            raise Temporary(f"{self._name}: {error}.") from None
        try:
            reply = json.loads(content)
        except (ValueError, RecursionError):
            raise Temporary(f"{self._name} answered with what is no JSON.") from None
        if not isinstance(reply, dict):
            raise Temporary(f"{self._name} answered with what is no reply of this API.")
        return reply

    def _of_status(self, error: openai.APIStatusError) -> ProviderError:
        sentence = f"{self._name} answered {error.status_code}: {self._told(error)}"
        match error.status_code:
            case 429 if "insufficient_quota" in (error.code, error.type):
                return Misconfigured(sentence)
            # 403 may be about this question alone (moderation), or about the key: several in a row open the circuit.
            case status if status in {403, 408, 409, 425, 429} or status >= 500:
                return Temporary(sentence, retry_after_s=retry_after_s(error.response.headers.get("retry-after")))
            case 400 | 405 | 415 | 422 if error.code != "model_not_found":
                return Refused(sentence)
            case 413:
                return Unusable(sentence)
        return Misconfigured(sentence)  # no key, no right, no money, no such model or address, a redirect

    def _told(self, error: openai.APIStatusError) -> str:
        """What the server says of it, on one line, without what we would not show."""
        body = error.body
        told = body.get("message", body) if isinstance(body, dict) else body
        line = " ".join(self._without_key(str(told or "nothing more")).split())
        shown = "".join(sign for sign in line if sign.isprintable())
        return shown if len(shown) <= _LONGEST_SAID else f"{shown[:_LONGEST_SAID]}…"

    def _without_key(self, text: str) -> str:
        return text.replace(self._options.key, "[key]") if self._options.key else text

    @property
    def _name(self) -> str:
        return self._options.name


def retry_after_s(header: str | None) -> float | None:
    """Seconds, or a date; None where it is neither. At most an hour."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    if seconds != seconds:  # NaN
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)


def _said(reply: dict[str, Any]) -> Said:
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Said(
        text=_text_of(message.get("content")),
        was_cut=choice.get("finish_reason") == "length",
        refuses=bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter",
        tokens_in=_tokens(usage.get("prompt_tokens")),
        tokens_out=_tokens(usage.get("completion_tokens")),
    )


def _text_of(content: object) -> str:
    """Some servers answer in parts, as they are asked."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _tokens(figure: object) -> int | None:
    is_figure = isinstance(figure, int) and not isinstance(figure, bool) and 0 <= figure <= _MOST_TOKENS
    return int(figure) if is_figure and isinstance(figure, int) else None
