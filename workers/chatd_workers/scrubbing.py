"""Memory that was freed is overwritten, while a private key is at hand.

OpenSSL clears the key itself when it frees it, but not all that it was read from: decoded copies
and the buffer of the file are freed as they are. The GNU C library can overwrite what is freed
(mallopt(3), M_PERTURB), but for small pieces, of which each thread keeps the last few of each size
at hand for its next request. Those are requested, overwritten and given back.

Elsewhere (musl) nothing is done, and what was freed stays until it is used for something else.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Final

_PERTURB: Final = -6
_FILLING: Final = 0xA5

_LARGEST: Final = 1032
"""Bytes of the largest piece that a thread keeps (malloc.c, MAX_TCACHE_SIZE)."""

_STEP: Final = 16
_KEPT: Final = 7
"""How many it keeps of each size (malloc.c, TCACHE_FILL_COUNT)."""

_libc: Final = ctypes.CDLL(None)
_CAN: Final = hasattr(_libc, "mallopt") and hasattr(_libc, "gnu_get_libc_version")
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.free.argtypes = [ctypes.c_void_p]


@contextlib.contextmanager
def scrubbed() -> Iterator[None]:
    """Overwrite what is freed by this thread within this."""
    if not _CAN:
        yield
        return
    _libc.mallopt(_PERTURB, _FILLING)
    try:
        yield
    finally:
        _scrub_kept()
        _libc.mallopt(_PERTURB, 0)


def _scrub_kept() -> None:
    """Overwrite the pieces that this thread keeps."""
    taken = []
    for size in range(_STEP + 8, _LARGEST + 1, _STEP):
        for _ in range(_KEPT):
            piece = _libc.malloc(size)
            if piece:
                ctypes.memset(piece, _FILLING, size)
                taken.append(piece)
    for piece in taken:
        _libc.free(piece)
