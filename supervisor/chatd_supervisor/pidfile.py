"""The PID file: locked for life, so that there is one master to a runtime directory.

The lock is a POSIX record lock (fcntl(2)), which belongs to the process: workers do not inherit
it, as they would a flock(2), so a dead master's lock is gone at once whatever lives on. It has
one trap: closing any descriptor of the file drops it. So nothing else in the master opens it.
"""

import contextlib
import fcntl
import os
import struct
from pathlib import Path
from typing import Final

_FLOCK: Final = "hhqqi4x"
"""struct flock on 64-bit Linux: type, whence, start, length, pid."""


class AlreadyRunning(Exception):
    """Another master holds the lock; ``pid`` is its process (0 or less: not one seen from here)."""

    def __init__(self, directory: Path, pid: int) -> None:
        # A holder in another pid namespace shows as 0, one on another host (NFS) as negative.
        known = f"as pid {pid}" if pid > 0 else "on another host or in another container"
        super().__init__(f"chatd is already running in {directory} {known}")
        self.pid = pid


class PidFile:
    """The PID file of this process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def fileno(self) -> int:
        """Return the descriptor of the locked file."""
        return self._descriptor

    def take_over(self, descriptor: int) -> None:
        """Go on with the file that an earlier program in this process has locked.

        A record lock outlives execve(2), as long as its descriptor stays open.
        """
        self._descriptor = descriptor

    def acquire(self) -> None:
        """Lock the file and write our pid. Raises AlreadyRunning, or OSError.

        A file without a lock is what a killed master left behind, and is taken over.
        """
        while self._descriptor < 0:
            # No link: ``chatd stop`` as root sweeps a directory that is somebody else's.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o644)
            try:
                if self._lock(descriptor):
                    _write(descriptor, os.getpid())
                    self._descriptor = descriptor
            finally:
                if self._descriptor < 0:
                    os.close(descriptor)

    def _lock(self, descriptor: int) -> bool:
        """Lock ``descriptor``; False if it must be opened again. Raises AlreadyRunning."""
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            pid = _holder(descriptor)
            if pid is None:
                return False  # released in between
            raise AlreadyRunning(self._path.parent, pid) from None
        # Its owner may have removed it between our opening and our locking it.
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        return False

    def release(self) -> None:
        """Remove the file and give the lock back."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = -1


def _write(descriptor: int, pid: int) -> None:
    """Put ``pid`` in place of what a killed process has left, so that a reader finds one of both.

    A number at any time: first over the old one, as much as there was of it, then shortened.
    """
    line = f"{pid}\n".encode()
    os.pwrite(descriptor, line.ljust(os.fstat(descriptor).st_size, b"\n"), 0)
    os.ftruncate(descriptor, len(line))


def sweep(path: Path, *others: Path) -> None:
    """Remove the file at ``path`` if nobody holds it, and ``others`` that its holder has left."""
    with contextlib.suppress(AlreadyRunning, OSError):
        if path.exists():
            stale = PidFile(path)
            stale.acquire()
            for other in others:
                other.unlink(missing_ok=True)
            stale.release()


def holder(path: Path) -> int | None:
    """Return the pid that holds the lock, None if nobody does. Raises OSError.

    Not for the master itself: see above.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return _holder(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> int | None:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else int(pid)
