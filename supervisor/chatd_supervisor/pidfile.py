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
    """Another master holds the lock; ``pid`` is its process."""

    def __init__(self, directory: Path, pid: int) -> None:
        super().__init__(f"chatd is already running in {directory} as pid {pid}")
        self.pid = pid


class PidFile:
    """The PID file of this process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> None:
        """Lock the file and write our pid. Raises AlreadyRunning, or OSError.

        A file without a lock is what a killed master left behind, and is taken over.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        while True:
            descriptor = os.open(self._path, flags, 0o644)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                pid = _holder(descriptor)
                os.close(descriptor)
                if pid:
                    raise AlreadyRunning(self._path.parent, pid) from None
                continue
            # Its owner may have removed it between our opening and our locking it.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(self._path)):
                    break
            os.close(descriptor)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Remove the file and give the lock back."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = -1


def holder(path: Path) -> int:
    """Return the pid that holds the lock, or 0. Not for the master itself: see above."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return _holder(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> int:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    return 0 if kind == fcntl.F_UNLCK else int(pid)
