"""A master that hangs ends itself, and leaves its stack for the next one to log.

While a turn of the loop is under way a timer runs (setitimer(2)); when the loop waits, none does,
so that an idle master is not woken. If a turn takes longer than ``[server] watchdog`` seconds the
kernel sends SIGALRM. Its handler is faulthandler's, written in C: it needs no interpreter that
still turns, writes the Python stack to a file, and then ends the process by the same signal, which
whoever supervises it sees. A crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) leaves its stack in
the same way.

Rejected: a heartbeat that the supervisor looks at. It would wake two processes for ever, and a
master without a supervisor would have no watchdog.

A master that is stopped in the middle of a turn, by SIGSTOP or a debugger, for longer than that is
ended when it goes on; ``watchdog = 0`` is for debugging.
"""

import faulthandler
import os
import selectors
import signal
from pathlib import Path
from typing import IO, Final

MAX_STACK: Final = 8 * 1024
"""Characters of a stack that are logged."""


class WatchedSelector(selectors.EpollSelector):
    """The loop's selector, which runs the timer while it is not waiting."""

    def __init__(self) -> None:
        super().__init__()
        # Seconds that a turn may take; 0: as long as it likes.
        self.patience = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as any selector, without the timer."""
        if not self.patience:
            return super().select(timeout)
        if timeout is None or timeout > 0:
            disarm()
        ready = super().select(timeout)
        signal.setitimer(signal.ITIMER_REAL, self.patience)
        return ready


def disarm() -> None:
    """Stop the timer until the next turn: what comes may take longer, or is another program."""
    signal.setitimer(signal.ITIMER_REAL, 0)


class Watchdog:
    """The file, and what is left in it by a master that has hung or crashed."""

    def __init__(self, path: Path, selector: WatchedSelector) -> None:
        """Read what the last master has left at ``path``, and begin anew. Raises OSError."""
        self._path = path
        self._selector = selector
        self._file: IO[str] = open(path, "a+", errors="backslashreplace", opener=_private)  # noqa: SIM115
        self._file.seek(0)
        self.stack = self._file.read(MAX_STACK).strip()
        """Where the last master hung or crashed; empty: it did not."""
        self._file.truncate(0)

    def begin(self, patience: float) -> None:
        """Watch from the next turn on; it may take ``patience`` seconds, 0: any time."""
        # Of this turn the timer runs, by what was so before.
        disarm()
        faulthandler.enable(self._file, all_threads=False)
        faulthandler.register(signal.SIGALRM, self._file, all_threads=False, chain=True)
        self._selector.patience = patience

    def end(self) -> None:
        """Watch no longer: what follows may take its time."""
        self._selector.patience = 0.0
        disarm()

    def discard(self) -> None:
        """Remove the file; call ``end`` before."""
        leave_to_others()
        self._file.close()
        self._path.unlink(missing_ok=True)


def leave_to_others() -> None:
    """Handle crashes no longer: in a child, the file's descriptor may be anything by then."""
    faulthandler.disable()
    faulthandler.unregister(signal.SIGALRM)


os.register_at_fork(after_in_child=leave_to_others)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
