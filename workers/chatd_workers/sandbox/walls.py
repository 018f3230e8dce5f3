"""Building up the walls around this process, for good.

Each is there or is not; a kernel that lacks one does not keep a worker from serving. The master
tries them before it begins (``chatd_supervisor.walling``), and says which stand.
"""

import ctypes
import enum
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatd_workers.sandbox import landlock, seccomp
from chatd_workers.sandbox.syscalls import MACHINES, Machine

DESCRIPTORS: Final = 24
"""More than a worker of any kind ever has open at once, beside what it has already."""

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
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


class Sandbox:
    """The walls that a worker of this machine gets; made in the master, built up in the worker."""

    def __init__(self) -> None:
        self.wanted = Wall(0)
        """Which to build; the master says it before the first birth."""
        self.memory = 0
        """Bytes that a worker's address space may have; 0: any number."""
        self._machine: Machine | None = MACHINES.get(os.uname().machine)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._abi = self._landlock_abi()
        self._filters = {
            (relay, client): self._filter(client, relay=relay)
            for relay in (False, True)
            for client in _USUAL_CLIENTS
        }

    @property
    def landlock_abi(self) -> int:
        """The kernel's version of Landlock; 0: it has none."""
        return self._abi

    def begin(self) -> Wall:
        """Build all but the last wall; threads that begin from now on are behind them too.

        Returns those that stand.
        """
        stand = Wall(0)
        for wall, build in (
            (Wall.NO_NEW_PRIVS, self._give_up_privileges),
            (Wall.NOT_DUMPABLE, self._be_not_dumpable),
            (Wall.LANDLOCK, self._restrict),
        ):
            if self.wanted & wall and _built(build):
                stand |= wall
        return stand

    def complete(self, client: int, *, relay: bool) -> Wall:
        """Build what must come when all that a worker needs is there; return what stands.

        ``client`` is the descriptor of the client's socket, ``relay`` whether it has a pump.
        """
        stand = Wall(0)
        if self.wanted & Wall.LIMITS and _built(self._limit):
            stand |= Wall.LIMITS
        if self.wanted & Wall.SECCOMP and _built(lambda: self._filter_calls(client, relay=relay)):
            stand |= Wall.SECCOMP
        return stand

    def _give_up_privileges(self) -> None:
        self._prctl(_PR_SET_NO_NEW_PRIVS, 1)

    def _be_not_dumpable(self) -> None:
        self._prctl(_PR_SET_DUMPABLE, 0)

    def _limit(self) -> None:
        for kind, most in (
            (resource.RLIMIT_NOFILE, DESCRIPTORS),
            (resource.RLIMIT_NPROC, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
        ):
            resource.setrlimit(kind, (most, most))
        if self.memory:
            resource.setrlimit(resource.RLIMIT_AS, (self.memory, self.memory))

    def _restrict(self) -> None:
        machine = self._known_machine()
        if not self._abi:
            raise OSError("this kernel has no Landlock")
        attributes = landlock.ruleset(self._abi).packed()
        rules = self._call(
            machine.numbers["landlock_create_ruleset"], attributes, len(attributes), 0
        )
        try:
            self._call(machine.numbers["landlock_restrict_self"], rules, 0)
        finally:
            os.close(rules)

    def _filter_calls(self, client: int, *, relay: bool) -> None:
        known = self._filters.get((relay, client))
        code = known if known is not None else self._filter(client, relay=relay)
        if code is None:
            raise OSError("no filter is known for this machine")
        program = _Filter(len(code) // 8, code)
        # The pump's thread as well: it was begun before.
        self._call(
            self._known_machine().numbers["seccomp"],
            _SECCOMP_SET_MODE_FILTER,
            _SECCOMP_FILTER_FLAG_TSYNC,
            ctypes.byref(program),
        )

    def _filter(self, client: int, *, relay: bool) -> bytes | None:
        if self._machine is None:
            return None
        return seccomp.program(seccomp.RELAY if relay else seccomp.PLAIN, self._machine, client)

    def _landlock_abi(self) -> int:
        try:
            number = self._known_machine().numbers["landlock_create_ruleset"]
            return self._call(number, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
        except OSError:
            return 0

    def _known_machine(self) -> Machine:
        if self._machine is None:
            raise OSError("the system calls of this machine are not known")
        return self._machine

    def _prctl(self, option: int, value: int) -> None:
        if self._libc.prctl(option, value, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")

    def _call(self, number: int, *arguments: object) -> int:
        result: int = self._libc.syscall(number, *arguments)
        if result < 0:
            raise OSError(ctypes.get_errno(), f"system call {number}")
        return result


def _built(build: Callable[[], None]) -> bool:
    try:
        build()
    except (OSError, ValueError):
        return False
    return True


def own_size() -> int:
    """Return the bytes of address space that this process has. proc(5), statm."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


SANDBOX: Final = Sandbox()
"""That of this program."""
