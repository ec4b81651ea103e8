"""The C library's allocator, told to keep what is freed."""

import ctypes

# From glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
MIB = 1024 * 1024


def keep_freed_memory() -> None:
    """Images come and go by the hundred kilobytes. glibc gives each back to the system and has it cleared for the next:
    half of the relay's time. After this it reuses them. Other C libraries have no such switch, and it stays as it is.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, 32 * MIB)
    mallopt(M_TRIM_THRESHOLD, 256 * MIB)
