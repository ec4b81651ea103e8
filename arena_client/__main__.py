"""`arena-client`, also as `python -m arena_client`."""

from __future__ import annotations

import signal
import sys

from arena_client.cli import main


def run() -> None:
    # To be told to end is the same as Ctrl-C: whatever runs is left in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


if __name__ == "__main__":
    run()
