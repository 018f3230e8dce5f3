"""Importing what the master is made of in the way that makes its forks cheap.

Each worker is a fork of the master, or of a supervisor that has imported the same, so whatever that
carries is copied (page tables) at every birth, and whatever runs after a fork is written to (pages)
in every worker. Two things that the standard library brings are of no use to a process without
threads that speaks no TLS:

* Hooks that threading, logging and random register to run after every fork. They repair locks
  that another thread may have held; here there is no other thread, and no fork inside a lock.
  Their pages are 0.4 MB in every worker. (A worker uses no random numbers, so it does not matter
  that all would draw the same.)
* What is imported only if it is there: ssl by asyncio, dill by multiprocess (nothing is pickled
  here) and its fast pickle, compression by shutil, OpenSSL by hashlib and hmac (Python's own
  SHA-256 will do), libuuid by uuid. 5 MB more to carry, and each library has five mappings that
  every fork must copy: 56 of 236.

Measured with ``tests/bench``. Modules that were imported before are left as they are, so in a
process that is not the master's, a test's say, nothing changes.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, Final

UNUSED: Final = ("ssl", "dill", "bz2", "lzma", "zlib", "_hashlib", "_pickle", "_uuid")
"""Modules that those who import them can do without."""


@contextlib.contextmanager
def lean_imports() -> Iterator[None]:
    """Within this, an import registers nothing to run after forks, and does without UNUSED."""
    register = os.register_at_fork
    hidden = [name for name in UNUSED if name not in sys.modules]
    try:
        os.register_at_fork = _ignore
        for name in hidden:
            # None makes an import fail (importlib, "sys.modules").
            sys.modules[name] = None  # type: ignore[assignment]
        yield
    finally:
        os.register_at_fork = register
        for name in hidden:
            del sys.modules[name]


def _ignore(**_hooks: Any) -> None:
    """Stand in for os.register_at_fork."""
