"""Building up the walls around this process, for good.

Each is there or is not; a kernel that lacks one does not keep a worker from serving. The master
tries them before it begins (``chatd_supervisor.walling``), and says which stand.
"""

import ctypes
import enum
import os
import resource
from pathlib import Path
from typing import Final

from chatd_workers.sandbox import landlock, seccomp
from chatd_workers.sandbox.syscalls import (
    MACHINES,
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    Machine,
)

DESCRIPTORS: Final = 24
"""More than a worker of any kind ever has open at once, beside what it has already."""

_SECCOMP_SET_MODE_FILTER: Final = 1
_SECCOMP_FILTER_FLAG_TSYNC: Final = 1
_LANDLOCK_CREATE_RULESET_VERSION: Final = 1

_USUAL_CLIENTS: Final = range(3, 9)
"""Descriptors that clients' sockets usually have; filters for them are made in advance."""


class Wall(enum.IntFlag):
    """What keeps a worker from what."""

    NO_NEW_PRIVS = 1
    NOT_DUMPABLE = 2
    LIMITS = 4
    LANDLOCK = 8
    SECCOMP = 16


ALL: Final = Wall(31)

WORDS: Final = {
    Wall.NO_NEW_PRIVS: "no_new_privs",
    Wall.NOT_DUMPABLE: "not dumpable",
    Wall.LIMITS: "limits",
    Wall.LANDLOCK: "landlock",
    Wall.SECCOMP: "seccomp",
}
"""The walls, as they are shown."""


class _Filter(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


_NO_NEW_PRIVS: Final = int(Wall.NO_NEW_PRIVS)
_NOT_DUMPABLE: Final = int(Wall.NOT_DUMPABLE)
_LIMITS: Final = int(Wall.LIMITS)
_LANDLOCK: Final = int(Wall.LANDLOCK)
_SECCOMP: Final = int(Wall.SECCOMP)


class Sandbox:
    """The walls that a worker of this machine gets; made in the master, built up in the worker.

    What the worker does is laid out in advance, and is calls with plain numbers and nothing else:
    whatever code runs in a worker is memory of its own (``rehearsal``). With enums, closures and
    errors on the way it was 0.4 MB in each.
    """

    def __init__(self) -> None:
        self._machine: Machine | None = MACHINES.get(os.uname().machine)
        libc = ctypes.CDLL(None)
        self._prctl, self._call = libc.prctl, libc.syscall
        self._abi = self._landlock_abi()
        self._ruleset: tuple[object, ...] = ()
        if self._machine is not None and self._abi:
            attributes = landlock.ruleset(self._abi).packed()
            number = self._machine.numbers["landlock_create_ruleset"]
            self._ruleset = (number, attributes, len(attributes), 0)
        self._programs = {
            (relay, client): self._program(client, relay=relay)
            for relay in (False, True)
            for client in _USUAL_CLIENTS
        }
        self.choose(Wall(0), 0)

    def choose(self, walls: Wall, memory: int) -> None:
        """Have ``walls`` built; the master says it before the first birth.

        ``memory``: bytes that a worker's address space may have; 0: any number.
        """
        self._wanted = int(walls)
        self._limits = [
            (resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS)),
            (resource.RLIMIT_NPROC, (0, 0)),
            (resource.RLIMIT_CORE, (0, 0)),
            (resource.RLIMIT_FSIZE, (0, 0)),
        ]
        if memory:
            self._limits.append((resource.RLIMIT_AS, (memory, memory)))

    @property
    def landlock_abi(self) -> int:
        """The kernel's version of Landlock; 0: it has none."""
        return self._abi

    def begin(self) -> int:
        """Build all but the last walls; threads that begin from now on are behind them too.

        Returns those that stand, as the number of a ``Wall``.
        """
        stand = 0
        wanted = self._wanted
        if wanted & _NO_NEW_PRIVS and not self._prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            stand |= _NO_NEW_PRIVS
        if wanted & _NOT_DUMPABLE and not self._prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
            stand |= _NOT_DUMPABLE
        if wanted & _LANDLOCK and self._machine is not None and self._ruleset:
            rules = self._call(*self._ruleset)
            if rules >= 0:
                number = self._machine.numbers["landlock_restrict_self"]
                if not self._call(number, rules, 0):
                    stand |= _LANDLOCK
                os.close(rules)
        return stand

    def complete(self, client: int, *, relay: bool) -> int:
        """Build what must come when all that a worker needs is there; return what stands.

        ``client`` is the descriptor of the client's socket, ``relay`` whether it has a pump.
        """
        stand = 0
        if self._wanted & _LIMITS and self._limit():
            stand |= _LIMITS
        if self._wanted & _SECCOMP:
            program = self._programs.get((relay, client)) or self._program(client, relay=relay)
            if program and not self._call(*program):
                stand |= _SECCOMP
        return stand

    def _limit(self) -> bool:
        try:
            for kind, most in self._limits:
                resource.setrlimit(kind, most)
        except (OSError, ValueError):
            return False
        return True

    def _program(self, client: int, *, relay: bool) -> tuple[object, ...]:
        """Return the arguments of syscall(2) that set the filter; none, if none is known here."""
        if self._machine is None:
            return ()
        code = seccomp.program(seccomp.RELAY if relay else seccomp.PLAIN, self._machine, client)
        filter_ = _Filter(len(code) // 8, code)
        # The pump's thread as well: it was begun before.
        return (
            self._machine.numbers["seccomp"],
            _SECCOMP_SET_MODE_FILTER,
            _SECCOMP_FILTER_FLAG_TSYNC,
            ctypes.byref(filter_),
        )

    def _landlock_abi(self) -> int:
        if self._machine is None:
            return 0
        number = self._machine.numbers["landlock_create_ruleset"]
        abi: int = self._call(number, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
        return max(0, abi)


def own_size() -> int:
    """Return the bytes of address space that this process has. proc(5), statm."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


SANDBOX: Final = Sandbox()
"""That of this program."""
