"""Numbers of system calls, by machine.

From the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
"""

from typing import Final, NamedTuple

# linux/prctl.h
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38


class Machine(NamedTuple):
    """One architecture."""

    audit: int
    """AUDIT_ARCH_..., linux/audit.h."""
    foreign: int
    """Numbers from here on belong to another ABI (x32); 0: there is none."""
    numbers: dict[str, int]


_X86_64: Final = Machine(
    audit=0xC000003E,
    foreign=0x40000000,
    numbers={
        "read": 0,
        "write": 1,
        "close": 3,
        "poll": 7,
        "mmap": 9,
        "mprotect": 10,
        "munmap": 11,
        "brk": 12,
        "rt_sigaction": 13,
        "rt_sigprocmask": 14,
        "rt_sigreturn": 15,
        "ioctl": 16,
        "sched_yield": 24,
        "mremap": 25,
        "madvise": 28,
        "nanosleep": 35,
        "getpid": 39,
        "socket": 41,
        "connect": 42,
        "sendto": 44,
        "recvfrom": 45,
        "sendmsg": 46,
        "recvmsg": 47,
        "shutdown": 48,
        "getsockname": 51,
        "getpeername": 52,
        "setsockopt": 54,
        "getsockopt": 55,
        "exit": 60,
        "fcntl": 72,
        "gettimeofday": 96,
        "getuid": 102,
        "getgid": 104,
        "geteuid": 107,
        "getegid": 108,
        "getppid": 110,
        "sigaltstack": 131,
        "prctl": 157,
        "gettid": 186,
        "futex": 202,
        "restart_syscall": 219,
        "clock_gettime": 228,
        "clock_getres": 229,
        "clock_nanosleep": 230,
        "exit_group": 231,
        "ppoll": 271,
        "getrandom": 318,
        "rseq": 334,
        # Asked for by ``walls``, and never by a worker behind them.
        "seccomp": 317,
        "landlock_create_ruleset": 444,
        "landlock_restrict_self": 446,
    },
)

_AARCH64: Final = Machine(
    audit=0xC00000B7,
    foreign=0,
    numbers={
        "fcntl": 25,
        "ioctl": 29,
        "close": 57,
        "read": 63,
        "write": 64,
        "ppoll": 73,
        "exit": 93,
        "exit_group": 94,
        "futex": 98,
        "nanosleep": 101,
        "clock_gettime": 113,
        "clock_getres": 114,
        "clock_nanosleep": 115,
        "sched_yield": 124,
        "restart_syscall": 128,
        "sigaltstack": 132,
        "rt_sigaction": 134,
        "rt_sigprocmask": 135,
        "rt_sigreturn": 139,
        "prctl": 167,
        "gettimeofday": 169,
        "getpid": 172,
        "getppid": 173,
        "getuid": 174,
        "geteuid": 175,
        "getgid": 176,
        "getegid": 177,
        "gettid": 178,
        "socket": 198,
        "connect": 203,
        "getsockname": 204,
        "getpeername": 205,
        "sendto": 206,
        "recvfrom": 207,
        "setsockopt": 208,
        "getsockopt": 209,
        "shutdown": 210,
        "sendmsg": 211,
        "recvmsg": 212,
        "brk": 214,
        "munmap": 215,
        "mremap": 216,
        "mmap": 222,
        "mprotect": 226,
        "madvise": 233,
        "getrandom": 278,
        "rseq": 293,
        "seccomp": 277,
        "landlock_create_ruleset": 444,
        "landlock_restrict_self": 446,
    },
)

MACHINES: Final = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""By what uname(2) calls the machine."""
