"""Being told that something is removed from a directory: inotify(7), of which Python knows nothing.

What the events say is not read. They come late, are lost when there are too many, and name what was
there before; whoever is told looks for himself.
"""

import ctypes
import os
from pathlib import Path
from typing import Final

REMOVALS: Final = 0x40 | 0x200 | 0x400 | 0x800
"""IN_MOVED_FROM, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF; IN_UNMOUNT and IN_IGNORED always come."""

_ONLYDIR: Final = 0x01000000

_libc: Final = ctypes.CDLL(None, use_errno=True)


class Inotify:
    """Watches one directory at a time."""

    def __init__(self) -> None:
        """Raises OSError (EMFILE: fs.inotify.max_user_instances)."""
        self._descriptor = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._watch = -1

    def fileno(self) -> int:
        """Return the descriptor that is readable when something has happened."""
        return self._descriptor

    def watch(self, directory: Path) -> None:
        """Be told of removals in ``directory`` from now on, and of no other one's.

        Raises OSError.
        """
        path = os.fsencode(directory)
        now = _checked(_libc.inotify_add_watch(self._descriptor, path, REMOVALS | _ONLYDIR))
        if self._watch not in (-1, now):
            # An error says that it is gone with its directory.
            _libc.inotify_rm_watch(self._descriptor, self._watch)
        self._watch = now

    def drain(self) -> None:
        """Forget what has been told."""
        try:
            while os.read(self._descriptor, 65536):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Watch no longer."""
        os.close(self._descriptor)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
