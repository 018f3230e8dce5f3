"""The filter for system calls: a table of what a worker may ask the kernel for, as BPF. Pure.

seccomp(2). Whatever is not in the table ends the process with SIGSYS, which the master logs: no
worker of ours asks for it. Only the lower halves of arguments are compared: those that are looked
at are ints, of which the kernel takes no more.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from chatd_workers.sandbox.syscalls import Machine

# linux/bpf_common.h, linux/filter.h.
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
"""SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS."""

# struct seccomp_data: nr, arch, instruction pointer, arguments; little-endian.
_NUMBER: Final = 0
_ARCH: Final = 4
_ARGUMENTS: Final = 16

CLIENT: Final = -1
"""Stands in the tables for the descriptor of the client's socket."""


class Is(NamedTuple):
    """An argument must have one of these values."""

    argument: int
    values: tuple[int, ...]


class IsNot(NamedTuple):
    """An argument must not have this value."""

    argument: int
    value: int


class Bits(NamedTuple):
    """An argument must have all of ``on`` and none of ``off``."""

    argument: int
    on: int = 0
    off: int = 0


Condition = Is | IsNot | Bits
Alternative = tuple[Condition, ...]
"""Conditions that must hold together."""
Table = dict[str, tuple[Alternative, ...]]
"""What is allowed if one of its alternatives holds; with none it always is."""

_ANY: Final[tuple[Alternative, ...]] = ()
_NOT_THE_CLIENT: Final[tuple[Alternative, ...]] = ((IsNot(0, CLIENT),),)

_MSG_PEEK: Final = 2
_PROT_EXEC: Final = 4
_FIONREAD: Final = 0x541B
_TIOCOUTQ: Final = 0x5411
_F_GETFD: Final = 1
_F_SETFD: Final = 2
_F_GETFL: Final = 3
_SOL_SOCKET: Final = 1
_SO_RCVLOWAT: Final = 18
_AF_UNIX: Final = 1
_SEQPACKET_CLOEXEC: Final = 5 | 0o2000000
_PR_SET_NAME: Final = 15
_PR_SET_VMA: Final = 0x53564D41

PLAIN: Final[Table] = {
    # The loop.
    "poll": _ANY,
    "ppoll": _ANY,
    "recvfrom": ((IsNot(0, CLIENT),), (Bits(3, on=_MSG_PEEK),)),
    "sendto": _NOT_THE_CLIENT,
    "setsockopt": ((Is(1, (_SOL_SOCKET,)), Is(2, (_SO_RCVLOWAT,))),),
    "getsockopt": _ANY,
    "ioctl": ((Is(1, (_FIONREAD, _TIOCOUTQ)),),),
    # A new master: a socket of the only kind on which one listens for workers.
    "socket": ((Is(0, (_AF_UNIX,)), Is(1, (_SEQPACKET_CLOEXEC,))),),
    "connect": _NOT_THE_CLIENT,
    "sendmsg": _NOT_THE_CLIENT,
    "recvmsg": ((IsNot(0, CLIENT),), (Bits(2, on=_MSG_PEEK),)),
    "close": _ANY,
    "fcntl": ((Is(1, (_F_GETFD, _F_SETFD, _F_GETFL)),),),
    "getsockname": _ANY,
    "getpeername": _ANY,
    # The title.
    "prctl": ((Is(0, (_PR_SET_NAME, _PR_SET_VMA)),),),
    # Memory, none of which is ever code.
    "mmap": ((Bits(2, off=_PROT_EXEC),),),
    "mprotect": ((Bits(2, off=_PROT_EXEC),),),
    "munmap": _ANY,
    "mremap": _ANY,
    "madvise": _ANY,
    "brk": _ANY,
    # Python and the C library.
    "rt_sigaction": _ANY,
    "rt_sigprocmask": _ANY,
    "rt_sigreturn": _ANY,
    "sigaltstack": _ANY,
    "restart_syscall": _ANY,
    "clock_nanosleep": _ANY,
    "nanosleep": _ANY,
    "clock_gettime": _ANY,
    "clock_getres": _ANY,
    "gettimeofday": _ANY,
    "getrandom": _ANY,
    "futex": _ANY,
    "sched_yield": _ANY,
    "rseq": _ANY,
    "getpid": _ANY,
    "gettid": _ANY,
    "getppid": _ANY,
    "getuid": _ANY,
    "geteuid": _ANY,
    "getgid": _ANY,
    "getegid": _ANY,
    "exit": _ANY,
    "exit_group": _ANY,
}
"""For a worker that only looks at what its client sends."""

RELAY: Final[Table] = {
    **PLAIN,
    # The pump, on its ends of the pair and of the connection.
    "read": _NOT_THE_CLIENT,
    "write": _NOT_THE_CLIENT,
    "shutdown": _NOT_THE_CLIENT,
}
"""For a worker that transforms the stream."""


def program(table: Table, machine: Machine, client: int) -> bytes:
    """Return the filter, an array of ``struct sock_filter``; ``client`` is the descriptor."""
    code = [
        _statement(_LOAD, _ARCH),
        _jump(_EQUAL, machine.audit, 1, 0),
        _statement(_RETURN, KILL),
        _statement(_LOAD, _NUMBER),
    ]
    if machine.foreign:
        code += [_jump(_AT_LEAST, machine.foreign, 0, 1), _statement(_RETURN, KILL)]
    for name, alternatives in table.items():
        number = machine.numbers.get(name)
        if number is None:
            continue  # this machine has another for it
        body = _body(alternatives, client)
        code += [_jump(_EQUAL, number, 0, len(body)), *body]
    code.append(_statement(_RETURN, KILL))
    return b"".join(code)


def _body(alternatives: Iterable[Alternative], client: int) -> list[bytes]:
    """Return what decides for one system call; it always comes to a decision."""
    code: list[bytes] = []
    blocks = [_block(alternative, client) for alternative in alternatives]
    if not blocks:
        return [_statement(_RETURN, ALLOW)]
    for block in blocks:
        code += block
    code.append(_statement(_RETURN, KILL))
    return code


def _block(conditions: Alternative, client: int) -> list[bytes]:
    """Return what allows the call if all ``conditions`` hold, and else goes on behind itself."""
    code: list[bytes] = []
    rest = 1  # the statement that allows
    for condition in reversed(conditions):
        part = _condition(condition, client, rest)
        code = part + code
        rest += len(part)
    return [*code, _statement(_RETURN, ALLOW)]


def _condition(condition: Condition, client: int, rest: int) -> list[bytes]:
    """Return what skips the ``rest`` instructions behind it unless ``condition`` holds."""
    load = _statement(_LOAD, _ARGUMENTS + 8 * condition.argument)
    match condition:
        case Is(_, values):
            last = len(values) - 1
            tests = [
                _jump(_EQUAL, value, last - place, rest if place == last else 0)
                for place, value in enumerate(values)
            ]
            return [load, *tests]
        case IsNot(_, value):
            return [load, _jump(_EQUAL, client if value == CLIENT else value, rest, 0)]
        case Bits(_, on, off):
            return [load, _statement(_AND, on | off), _jump(_EQUAL, on, 0, rest)]


def _statement(code: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, 0, 0, value)


def _jump(code: int, value: int, holds: int, fails: int) -> bytes:
    return struct.pack("=HBBI", code, holds, fails, value)
