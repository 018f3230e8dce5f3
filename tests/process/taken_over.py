"""``chatd`` whose workers can be taken over: ``!NAME`` runs what an attacker would try.

What comes of it is said: ``got through`` if it worked, ``refused`` if the kernel said no. Where the
kernel ends the worker instead, the master tells the sender that the line crashed its reader.
"""

import contextlib
import ctypes
import mmap
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from chatd_supervisor.cli import main
from chatd_workers.channel import send_with_descriptor
from chatd_workers.commands import Command, Proxied, Rename, Say, Secured
from chatd_workers.dialects import DIALECTS, Dialect
from chatd_workers.reports import (
    MAX_TRACE,
    Announce,
    Drained,
    Ended,
    Offer,
    Ready,
    Record,
    Report,
    Serve,
    Trace,
    encode,
)

TEXT = DIALECTS["text"]
HELD: list[list[socket.socket]] = []
LIBC = ctypes.CDLL(None, use_errno=True)


def sockets() -> list[socket.socket]:
    """Return this process's channel and its client, under whatever numbers they are."""
    found: list[socket.socket] = []
    # Never collected, for that would close them: only hanging up is to be about that.
    HELD.append(found)
    for descriptor in range(1024):
        with contextlib.suppress(OSError):
            found.append(socket.socket(fileno=descriptor))
    return found


def client() -> socket.socket:
    return next(each for each in sockets() if each.family != socket.AF_UNIX)


def channel() -> socket.socket:
    return next(each for each in sockets() if each.family == socket.AF_UNIX)


def master() -> int:
    return os.getppid()


def neighbour() -> int:
    """Return a pid that may be another worker's; it is refused before it is looked at."""
    return os.getpid() - 1


def call(number: int, *arguments: object) -> None:
    if LIBC.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "system call")


def connect(
    family: socket.AddressFamily, kind: socket.SocketKind, where: tuple[str, int] | str
) -> None:
    with socket.socket(family, kind) as attempt:
        attempt.connect(where)


def fill_memory() -> None:
    assert [b"\1" * (16 << 20) for _ in range(64)]


def journal() -> None:
    for directory in ("/tmp", "/"):
        list(Path(directory).rglob("journal.db"))


def hang_up() -> None:
    channel().close()
    time.sleep(60)


def say(*records: Record) -> None:
    told = channel()
    for record in records:
        told.send(encode(record))
    signal.pause()


def orders() -> Serve:
    """Return what this worker was told, which is in the memory of who has called."""
    frame = sys._getframe()
    while "self" not in frame.f_locals or not hasattr(frame.f_locals["self"], "orders"):
        assert frame.f_back is not None
        frame = frame.f_back
    told: Serve = frame.f_locals["self"].orders
    return told


def offer() -> None:
    """Offer its client again and again, while its master lives."""
    told, mine = orders(), client()
    for _ in range(1000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as found:
            found.connect(told.adoption)
            record = encode(Offer(told.session, told.token, told.dialect))
            send_with_descriptor(found, record, mine.fileno())
            found.recv(1)


def spin() -> None:
    """Compute, and have nothing that a process may set about itself stand in the way."""
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        pass


def write_client() -> None:
    client().send(b"forged\n")


ATTEMPTS: dict[str, Callable[[], object]] = {
    "passwd": lambda: Path("/etc/passwd").read_text(),
    "journal": journal,
    "write-client": write_client,
    "consume-client": lambda: client().recv(1, socket.MSG_DONTWAIT),
    "shutdown-client": lambda: client().shutdown(socket.SHUT_RDWR),
    "block-client": lambda: client().setblocking(True),
    "duplicate-client": lambda: os.dup(client().fileno()),
    "neighbours-socket": lambda: call(438, neighbour(), 3, 0),  # pidfd_getfd
    "ptrace": lambda: call(101, 16, neighbour(), 0, 0),
    "neighbours-memory": lambda: call(310, neighbour(), None, 0, None, 0, 0),
    "signal-master": lambda: os.kill(master(), signal.SIGTERM),
    "signal-master-by-pidfd": lambda: os.pidfd_open(master()),
    "tcp": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 9)),
    "udp": lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 9)),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "unix": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, "control.sock"),
    "memory": fill_memory,
    "code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "fork": os.fork,
    "thread": lambda: threading.Thread(target=int).start(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "limits": lambda: call(302, 0, 7, None, None),  # prlimit64
    "io-uring": lambda: call(425, 8, None),
    "bpf": lambda: call(321, 0, None, 0),
    "hang-up": hang_up,
    "garbage": lambda: channel().send(b"\xff garbage"),
    "more-than-there-is": lambda: say(Report(1 << 20, False, b"", [], [])),
    "more-than-came": lambda: say(Report(1 << 14, False, b"", [], [])),
    "nothing": lambda: say(Report(0, False, b"", [], [])),
    "many-of-a-few-bytes": lambda: say(Report(9, False, b"", [Say("much")] * 64, [])),
    "carry": lambda: say(Report(2, False, b"x" * 64, [], [])),
    "proxied": lambda: say(Report(2, False, b"", [], [Proxied("192.0.2.1", 1)])),
    "secured": lambda: say(Report(9, False, b"", [], [Secured("TLSv1.3", "A", "f" * 64)])),
    "announced": lambda: say(*[Announce(2)] * 2),
    "drained": lambda: say(Drained()),
    "ready": lambda: say(Ready()),
    "long-drained": lambda: channel().send(b"\x92\x04\xda\x40\x00" + b"x" * 16384),
    "not-utf-8": lambda: channel().send(b"\x92\x05\xa2\xff\xfe"),
    "depths": lambda: channel().send(b"\x92\x04" + b"\x91" * 100_000),
    "forged-end": lambda: say(Ended("gone\r\n:bob PRIVMSG #lobby :got through")),
    "forged-line": lambda: say(Report(13, False, b"", [Say("x\nbob : got through")], [])),
    "escape-sequence": lambda: say(Report(17, False, b"", [Rename("m\x1b[2J")], [])),
    "offer-to-its-master": offer,
    "long-traces": lambda: say(*[Trace("\U0001f600" * MAX_TRACE)] * 400),
    "traces": lambda: say(*[Trace("again")] * 400),
}
"""What is tried, by name."""

LASTING: dict[str, Callable[[], object]] = {"spin": spin}
"""What goes on until somebody ends it."""


def read(line: bytes) -> Command | None:
    if not line.startswith(b"!"):
        return TEXT.read(line)
    try:
        (ATTEMPTS | LASTING)[line[1:].decode()]()
    except (OSError, MemoryError, RuntimeError):
        return TEXT.read(b"refused")
    return TEXT.read(b"got through")


DIALECTS["text"] = Dialect(read, TEXT.write)
if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(prog_name="chatd")
