"""PID files: locked for life, so that there is one server to a directory.

One is in the runtime directory, where people look for it; the other, ``lock``, is in the state
directory, because two servers with different runtime directories must not write to one journal.

The lock is a POSIX record lock (fcntl(2)), which belongs to the descriptor table: workers do not
inherit it, as they would a flock(2), so a dead master's lock is gone at once whatever lives on. A
supervisor shares the master's table, and so the lock: when the master dies it stays, and the next
one takes it over. It has one trap: closing any descriptor of the file drops it. So nothing else in
the master opens it. A flock(2) would be held on by every process that was forked and has not closed
it yet.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatd_supervisor.paths import Paths

_FLOCK: Final = "hhqqi4x"
"""struct flock on 64-bit Linux: type, whence, start, length, pid."""

_MAX_SIZE: Final = 8192
"""Bytes that are read of a file: two lines, one of them a path."""


class AlreadyRunning(Exception):
    """Another master holds the lock; ``pid`` is its process (0 or less: not one seen from here)."""

    def __init__(self, directory: Path, pid: int, runtime_dir: str = "") -> None:
        """``runtime_dir``: where that one is found, if it is not in ``directory``."""
        # A holder in another pid namespace shows as 0, one on another host (NFS) as negative.
        known = f"as pid {pid}" if pid > 0 else "on another host or in another container"
        found = f", with the runtime directory {runtime_dir}" if runtime_dir else ""
        super().__init__(f"chatd is already running in {directory} {known}{found}")
        self.pid = pid


class PidFile:
    """The PID file of this process."""

    def __init__(self, path: Path, runtime_dir: Path | None = None) -> None:
        """``runtime_dir`` is written below the pid: where its holder is found, if not there."""
        self._path = path
        self._lines = [os.fspath(runtime_dir)] if runtime_dir is not None else []
        self._descriptor = -1

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def fileno(self) -> int:
        """Return the descriptor of the locked file."""
        return self._descriptor

    def take_over(self, descriptor: int) -> None:
        """Go on with the file that an earlier program in this process has locked.

        A record lock outlives execve(2), as long as its descriptor stays open. Where a descriptor
        table is shared it belongs to the table, so it outlives the process as well; ``acquire``
        puts our pid down then.
        """
        self._descriptor = descriptor

    def acquire(self) -> None:
        """Lock the file and write our pid. Raises AlreadyRunning, or OSError.

        A file without a lock is what a killed master left behind, and is taken over.
        """
        if self._descriptor >= 0:
            # Ours already, under the pid of another. By way of a shared lock, so that it is never
            # free and the kernel puts down who we are (fcntl(2), F_GETLK).
            fcntl.lockf(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(self._descriptor, [str(os.getpid()), *self._lines])
        while self._descriptor < 0:
            # No link: ``chatd stop`` as root sweeps a directory that is somebody else's.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o644)
            try:
                if self._lock(descriptor):
                    _write(descriptor, [str(os.getpid()), *self._lines])
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
            raise AlreadyRunning(self._path.parent, pid, _runtime_dir(descriptor)) from None
        # Its owner may have removed it between our opening and our locking it.
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        return False

    def is_in_place(self) -> bool:
        """Return whether the file is where it belongs. Raises OSError."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self._path))
        except FileNotFoundError:
            return False

    def make_again(self) -> None:
        """Make and lock a file in place of one that somebody has removed or replaced.

        Raises AlreadyRunning, if the new one is another server's, or OSError; then the old one
        is still held.
        """
        if self.is_in_place():
            return  # to open it a second time, and close it, would drop the lock
        successor = PidFile(self._path)
        successor._lines = self._lines
        successor.acquire()
        os.close(self._descriptor)
        self._descriptor = successor._descriptor

    def release(self) -> None:
        """Remove the file and give the lock back."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                if self.is_in_place():  # else it is another one's
                    self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = -1


class SupervisorFile:
    """The file that tells the supervisor's pid. It means something while the PID file is locked.

    The master writes it, for a supervisor opens nothing.
    """

    def __init__(self, path: Path, pid: Callable[[], int]) -> None:
        """``pid`` returns the supervisor's."""
        self._path = path
        self._pid = pid

    def is_in_place(self) -> bool:
        """Return whether it is there, and right."""
        return written_pid(self._path) == self._pid()

    def write(self) -> None:
        """Put it in place of what is there. Raises OSError."""
        new = self._path.with_suffix(".new")
        new.write_text(f"{self._pid()}\n", "ascii")
        new.replace(self._path)

    def remove(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)


def _write(descriptor: int, lines: list[str]) -> None:
    """Put ``lines`` in place of what a killed process has left, so that a reader finds either.

    A number at any time: first over the old one, as much as there was of it, then shortened.
    """
    line = os.fsencode("".join(f"{line}\n" for line in lines))
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


def supervisor_of(places: Paths) -> int:
    """Return the pid of the supervisor of the server in ``places``; 0: it has none.

    Not for the master itself: see above. Raises OSError.
    """
    return written_pid(places.supervisor_file) if holder(places.pid_file) is not None else 0


def written_pid(path: Path) -> int:
    """Return the pid that stands in the file at ``path``; 0 if none does."""
    try:
        first, _, _ = path.read_text("ascii").partition("\n")
        return int(first)
    except (OSError, ValueError):
        return 0


def found_at(path: Path) -> str:
    """Return the runtime directory that is written in the file at ``path``; "" if none is.

    Not for the master itself: see above. Raises OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        return _runtime_dir(descriptor)
    finally:
        os.close(descriptor)


def _runtime_dir(descriptor: int) -> str:
    lines = os.pread(descriptor, _MAX_SIZE, 0).split(b"\n")
    return os.fsdecode(lines[1]) if len(lines) > 1 else ""


def _holder(descriptor: int) -> int | None:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    if kind == fcntl.F_UNLCK:
        return None
    return int(pid) or _dead_owner(descriptor)


def _dead_owner(descriptor: int) -> int:
    """Return the pid of a dead master whose lock its table has kept; 0: it is none of ours.

    In a pid namespace of its own the kernel shows the owner of a lock as 0 if it has ended, as it
    does one of another namespace. Of the first, what it has written is the pid of no process here.
    """
    first, _, _ = os.pread(descriptor, _MAX_SIZE, 0).partition(b"\n")
    try:
        written = int(first)
        os.kill(written, 0)
    except ProcessLookupError:
        return written
    except (ValueError, OSError):
        return 0
    return 0
