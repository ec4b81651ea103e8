"""Where the API key comes from: an argument of the program, the environment, or a file that only its owner reads.

Never from the command line: other users of the machine can see that.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from arena_client.errors import NotSignedIn

VARIABLE = "ARENA_API_KEY"
_HINT = f"Make one under /account/keys, and give it in {VARIABLE} or in the file {{file}}."


def key_file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(folder) / "policy-arena" / "key"


def find_key(given: str | None = None) -> str:
    """The key. Raises NotSignedIn where there is none, or where others can read its file."""
    file = key_file()
    key = (given or os.environ.get(VARIABLE) or _read(file)).strip()
    if not key:
        raise NotSignedIn("no_api_key", "There is no API key.", hint=_HINT.format(file=file))
    if not key.isascii() or not key.isprintable() or " " in key:
        raise NotSignedIn("bad_api_key", "The API key holds characters that no key has.", hint=_HINT.format(file=file))
    return key


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise NotSignedIn(
                    "key_file_open", f"Other users can read the API key in {file}.", hint=f"chmod 600 {file}"
                )
            return opened.read(4096)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise NotSignedIn("no_api_key", f"The API key in {file} cannot be read: {error}.") from error
