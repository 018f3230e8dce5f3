"""The service manager's store of descriptors: what outlives all of our processes together.

The manager keeps a duplicate of each descriptor that it is sent (``FDSTORE``, sd_notify(3)), and
passes all of them to the process that it starts after a crash, or at a restart (``activation``).
So a client stays connected even if its worker and its master die together, and nobody who connects
is refused meanwhile.

It is used where ``FDSTORE`` is in the environment, which systemd sets since version 254 if the unit
has room in its store (FileDescriptorStoreMax); for older ones the unit sets it.

* Names there are short ASCII without colons, so ours are escaped, and marked as ours.
* ``FDPOLL=0``: the manager is not to drop a client because it has hung up. What it said before is
  still in the socket, and we release what is over.
* A file that is in the store is not stored a second time: by another name it must be removed first.
* Sockets of socket units are not stored. The manager has them.
"""

import os
import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from chatd_supervisor.handover import Standing
from chatd_supervisor.logbook import note
from chatd_supervisor.notify import Notifier, assignment
from chatd_supervisor.supervise.marks import Marks

ASKED: Final = "FDSTORE"
"""The environment variable that says that there is a store."""

MARK: Final = "held "
"""Begins the names of what we have put there."""

SESSION: Final = "session "
"""Begins the names of clients' sockets, which are known by the ledger."""

MAX_NAME: Final = 255
"""Characters of a name; sd_notify(3), FDNAME."""

_SPECIAL: Final = re.compile(rb"[^ -~]|[%:]")
_ESCAPED: Final = re.compile(rb"%([0-9a-f]{2})")


def session_name(number: int) -> str:
    """Return what we call the socket of the client of session ``number``."""
    return f"{SESSION}{number}"


def stored_name(name: str) -> str:
    """Return the name in the store for what we call ``name``."""
    plain = _SPECIAL.sub(lambda found: b"%%%02x" % found[0][0], os.fsencode(name))
    return MARK + plain.decode("ascii")


def own_name(stored: str) -> str | None:
    """Return what we call that which is ``stored`` by this name; None if it is none of ours."""
    if not stored.startswith(MARK):
        return None
    escaped = os.fsencode(stored.removeprefix(MARK))
    return os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), escaped))


class Store:
    """The manager's store, what is in it, and what it lends us for a while."""

    def __init__(
        self,
        notifier: Notifier,
        *,
        stored: Mapping[str, int] = {},
        lent: Iterable[str] = (),
        known: Standing | None = None,
        marks: Marks | None = None,
    ) -> None:
        """``stored`` are descriptors that were passed, ``lent`` such as are not ours, by our names.

        ``known`` is how it stood with the program before us, ``marks`` what masters of this one
        have had stored.
        """
        self._notifier = notifier
        self._marks = marks
        self._lent = set(lent)
        # Inodes by name, and the other way round.
        self._files: dict[str, int] = dict(known.stored) if known else {}
        self._by_file = {file: name for name, file in self._files.items() if file}
        self._releasing: set[str] = set()
        for name, descriptor in stored.items():
            self._know(name, _file(descriptor))

    @property
    def is_there(self) -> bool:
        """There is a manager to hold what we have."""
        return self._notifier.is_there

    @property
    def standing(self) -> Standing:
        """How it stands, for a program after this one, which cannot ask the manager."""
        waits = self._notifier.waits
        there = {name: file for name, file in self._files.items() if not waits(f"hold {name}")}
        going = {name: 0 for name in self._releasing if waits(f"release {name}")}
        return Standing(stored=going | there, lent=list(self._lent))

    @property
    def lent(self) -> frozenset[str]:
        """Names of those that are a socket unit's."""
        return frozenset(self._lent)

    def is_lent(self, name: str) -> bool:
        """Tell whether a socket unit has it."""
        return name in self._lent

    def hold(self, name: str, descriptor: int) -> None:
        """Have ``descriptor`` held by ``name``; it must stay open until ``name`` is released."""
        if name in self._lent or not self.is_there:
            return
        shown = stored_name(name)
        if len(shown) > MAX_NAME:
            note("socket not stored", name=name, reason="its name is too long")
            return
        file = _file(descriptor)
        if self._files.get(name) == file:
            return
        self.release(name)
        other = self._by_file.get(file)
        if other is not None:
            self.release(other)
        self._know(name, file)
        self._notifier.send(
            f"hold {name}",
            "FDSTORE=1",
            assignment("FDNAME", shown),
            "FDPOLL=0",
            descriptor=descriptor,
            sent=partial(self._marks.put, descriptor) if self._marks is not None else None,
        )

    def release(self, name: str) -> None:
        """Have what is held by ``name`` removed from the store; nothing, if nothing is."""
        self._lent.discard(name)
        if name not in self._files:
            return
        self._by_file.pop(self._files.pop(name), None)
        if self._notifier.withdraw(f"hold {name}"):
            return
        key = f"release {name}"
        self._notifier.send(key, "FDSTOREREMOVE=1", assignment("FDNAME", stored_name(name)))
        if self._notifier.waits(key):
            self._releasing.add(name)
        elif self._releasing:
            self._releasing.clear()  # what was sent before it is sent

    def may_hold(self, names: Iterable[str]) -> None:
        """Take note of ``names`` by which a dead master may have had something held."""
        for name in names:
            self._files.setdefault(name, 0)

    def hold_only(self, named: Mapping[str, int]) -> None:
        """Hold all that is ``named``, and nothing else: what a master begins with."""
        for name in self._files.keys() - named.keys():
            self.release(name)
        for name, descriptor in named.items():
            # What listens may have had another name.
            if name.startswith(SESSION) and self._marks is not None and self._marks.has(descriptor):
                self._know(name, _file(descriptor))
            else:
                self.hold(name, descriptor)

    def _know(self, name: str, file: int) -> None:
        self._files[name] = file
        self._by_file[file] = name

    def goodbye(self) -> None:
        """Have everything removed from the store, and wait until the manager was told."""
        for name in list(self._files):
            self.release(name)
        self._notifier.drain()


def _file(descriptor: int) -> int:
    """Return what duplicates of a socket have in common: its inode."""
    return os.fstat(descriptor).st_ino
