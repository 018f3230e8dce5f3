"""Importing what the master is made of in the way that makes its forks cheap.

Each worker is a fork of the master, so whatever the master carries is copied (page tables) at
every birth, and whatever runs after a fork is written to (pages) in every worker. Two things that
the standard library brings are of no use to a process without threads that speaks no TLS:

* Hooks that threading, logging and random register to run after every fork. They repair locks
  that another thread may have held; here there is no other thread, and no fork inside a lock.
  Their pages are 0.4 MB in every worker. (A worker uses no random numbers, so it does not matter
  that all would draw the same.)
* asyncio imports ssl if it is there: 3 MB more to carry.

Measured with ``tests/bench``. Modules that were imported before are left as they are, so in a
process that is not the master's, a test's say, nothing changes.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def lean_imports() -> Iterator[None]:
    """Within this, an import registers nothing to run after forks, and does without ssl."""
    register = os.register_at_fork
    hide_ssl = "ssl" not in sys.modules
    try:
        os.register_at_fork = _ignore
        if hide_ssl:
            # None makes an import fail (importlib, "sys.modules"); asyncio is prepared for that.
            sys.modules["ssl"] = None  # type: ignore[assignment]
        yield
    finally:
        os.register_at_fork = register
        if hide_ssl:
            del sys.modules["ssl"]


def _ignore(**_hooks: Any) -> None:
    """Stand in for os.register_at_fork."""
