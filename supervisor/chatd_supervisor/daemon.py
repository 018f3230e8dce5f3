"""Becoming a daemon, and telling whoever started it how that went. daemon(7), "SysV daemons"."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from chatd_supervisor.exits import Exit


class Starter:
    """The daemon's line to the command that started it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, code: int, message: str) -> None:
        """Let the starter exit with ``code``, printing ``message``. The first call counts."""
        if self._descriptor < 0:
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self._descriptor, bytes([code]) + message.encode())
        os.close(self._descriptor)
        self._descriptor = -1


def daemonize(serve: Callable[[Starter], int]) -> int:
    """Run ``serve`` in a daemon; return its first word on how it went, as an exit code.

    Returns, in the calling process, when the daemon has called ``tell`` or has died.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _detach(serve, Starter(writing))
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    if not said:
        print("chatd: the daemon died before it was ready; see its log", file=sys.stderr)
        return Exit.SOFTWARE
    code, message = said[0], said[1:].decode()
    if message:
        print(message, file=sys.stderr if code else sys.stdout)
    return code


def _detach(serve: Callable[[Starter], int], starter: Starter) -> NoReturn:
    os.setsid()
    # The second fork: no session leader, so no terminal can become ours by being opened.
    if os.fork():
        os._exit(Exit.OK)
    os.chdir("/")
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)
    code: int = Exit.SOFTWARE
    try:
        code = serve(starter)
    finally:
        starter.tell(code, "")
        os._exit(code)
