"""Becoming a daemon, and telling whoever started it how that went. daemon(7), "SysV Daemons"."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Final, NoReturn

from chatd_supervisor.deferred_signals import defer_signals
from chatd_supervisor.exits import Exit

STARTER: Final = "CHATD_STARTER"
"""The environment variable with the number of a supervisor's ``Starter``."""


class Starter:
    """The daemon's line to the command that started it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def tell(self, code: int, message: str) -> None:
        """Let the starter exit with ``code``, printing ``message``. The first call counts."""
        if self.descriptor < 0:
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self.descriptor, bytes([code]) + message.encode("utf-8", "backslashreplace"))
        os.close(self.descriptor)
        self.descriptor = -1

    @classmethod
    def from_environment(cls) -> "Starter | None":
        """Return the starter that the environment speaks of, None if it speaks of none.

        It is spoken of no more afterwards.
        """
        descriptor = os.environ.pop(STARTER, "")
        if not descriptor.removeprefix("-").isdecimal():
            return None
        starter = cls(int(descriptor))
        if starter.descriptor >= 0:
            os.set_inheritable(starter.descriptor, False)
        return starter

    def leave_to_next_program(self) -> None:
        """Leave it to the program that this process executes next to tell."""
        os.set_inheritable(self.descriptor, True)
        os.environ[STARTER] = str(self.descriptor)


def open_standard_descriptors() -> None:
    """Make sure that 0, 1 and 2 are open, for somebody may start us with any of them closed.

    Otherwise the next socket that is opened becomes standard error.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def drop_standard_error() -> None:
    """Let what is written to standard error go nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 2)
    os.close(null)


def daemonize(serve: Callable[[Starter], int]) -> int:
    """Run ``serve`` in a daemon; return its first word on how it went, as an exit code.

    Returns, in the calling process, when the daemon has called ``tell`` or has died.
    """
    open_standard_descriptors()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _detach(serve, Starter(writing))
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    if not said:
        print("chatd: the daemon was killed before it was ready", file=sys.stderr)
        return Exit.SOFTWARE
    code, message = said[0], said[1:].decode()
    print(message, file=sys.stderr if code else sys.stdout, flush=True)
    return code


def _detach(serve: Callable[[Starter], int], starter: Starter) -> NoReturn:
    """Become the daemon, serve, and exit. Never returns into what the starter was doing."""
    code: int = Exit.SOFTWARE
    try:
        os.setsid()
        # The second fork: no session leader, so no terminal can become ours by being opened.
        if os.fork():
            os._exit(Exit.OK)
        os.chdir("/")
        os.umask(0o022)
        _drop_descriptors(starter.descriptor)
        # Whatever the starter had blocked would never reach the master.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        defer_signals()
        code = serve(starter)
    except BaseException as error:  # noqa: BLE001  # nobody above could hear of it
        starter.tell(Exit.SOFTWARE, f"chatd: the daemon failed: {error!r}")
    finally:
        starter.tell(code, "chatd: the daemon ended before it was ready")
        os._exit(code)


def _drop_descriptors(kept: int) -> None:
    """Close what was inherited, but for ``kept``: the starter's terminal, pipes and lock files."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
