"""Child processes that never outlive their parent, however it ends."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def ends_with_parent(number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends the child `number` when the thread that started it ends (Linux only).

    `subprocess` calls it after changing the user, which is when the kernel would have forgotten the request.
    """
    if sys.platform != "linux":
        return _no_request
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def ask_for_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # the parent ended between fork and prctl: no signal will come
            os._exit(1)

    return ask_for_signal


def end_with_parent(number: signal.Signals) -> None:
    """The same, asked by a child that somebody else forked."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _no_request() -> None:
    return
