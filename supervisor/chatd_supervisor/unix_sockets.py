"""Unix sockets to listen on: their files are made, replaced and removed with care.

A file that a dead server has left is replaced; one that somebody listens on is not, nor anything
that is no socket. Removed is only the file that was made, not another's that stands in its place.
"""

import errno
import os
import socket
import stat
from typing import NamedTuple

from chatd_supervisor.addresses import UNIX


class UnixSocketError(OSError):
    """The socket cannot be made; ``strerror`` is the sentence for people."""


class SocketFile(NamedTuple):
    """A socket's file, and what tells it from any other of its name."""

    path: str
    device: int
    inode: int

    def remove(self) -> None:
        """Remove it, if it is still there."""
        if file_of(self.path) == self:
            os.unlink(self.path)


def bind(path: str, mode: int, backlog: int) -> socket.socket:
    """Return a non-blocking socket that listens on ``path``. Raises UnixSocketError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _make_way(path)
        # By umask, and only then by chmod: it must not be more open than it is to be for an
        # instant. Nobody can connect before it listens.
        umask = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(umask)
        os.chmod(path, mode)
        listener.listen(backlog)
    except UnixSocketError:
        listener.close()
        raise
    except OSError as error:
        listener.close()
        raise _error(path, error.errno or 0, os.strerror(error.errno or 0)) from error
    return listener


def file_of(path: str) -> SocketFile | None:
    """Return the file that is at ``path`` now; None if there is no socket."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISSOCK(found.st_mode):
        return None
    return SocketFile(path, found.st_dev, found.st_ino)


def _make_way(path: str) -> None:
    if not os.path.lexists(path):
        return
    if file_of(path) is None:
        raise _error(path, errno.EEXIST, "there is something that is no socket; move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            pass
        except BlockingIOError:  # its backlog is full
            raise _in_use(path) from None
        else:
            raise _in_use(path)
    os.unlink(path)


def _in_use(path: str) -> UnixSocketError:
    return _error(path, errno.EADDRINUSE, f"somebody listens there; who: ss -xlp src {path}")


def _error(path: str, number: int, why: str) -> UnixSocketError:
    return UnixSocketError(number, f"cannot listen on {UNIX}{path}: {why}")
