"""The file by which the next master knows the listening sockets: their names, by cookie.

One line of JSON a socket, for whoever looks. A socket that a killed master has bound and not
written down yet is closed by the next one, and bound again.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from chatd_supervisor import counts
from chatd_supervisor.store import Store


class SocketNames:
    """What the listening sockets of this master are called."""

    def __init__(self, path: Path, store: Store | None) -> None:
        """``store`` is the service manager's, which may have lent us some."""
        self._path = path
        self._store = store
        self._named: dict[str, int] = {}
        self._adoption: dict[str, int] = {}

    def named(self) -> dict[str, int]:
        """Return their descriptors, by name."""
        return self._named | self._adoption

    def set_listening(self, named: Mapping[str, int]) -> None:
        """Write down that these listen for clients. Raises OSError."""
        self._named = dict(named)
        self._write()

    def set_adoption(self, name: str, descriptor: int) -> None:
        """Write down that this one listens for workers. Raises OSError."""
        self._adoption = {name: descriptor}
        self._write()
        if self._store is not None:
            self._store.hold(name, descriptor)

    def discard(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        """Write all, unless it stands there: then nothing is asked of a disk that may be full."""
        lent = self._store.lent if self._store is not None else frozenset()
        rows = [
            json.dumps({"cookie": counts.cookie_of(number), "name": name, "lent": name in lent})
            for name, number in self.named().items()
        ]
        if set(rows) <= set(_lines(self._path)):
            return  # sockets of others that stand there as well are no more
        new = self._path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(f"{row}\n" for row in rows)
        new.replace(self._path)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:
        return []


def read(path: Path) -> tuple[dict[int, str], frozenset[str]]:
    """Return the names at ``path``, by cookie, and which of them are lent; none if there are none.

    Raises OSError.
    """
    try:
        rows = [json.loads(line) for line in _lines(path)]
        names = {int(row["cookie"]): str(row["name"]) for row in rows}
        return names, frozenset(str(row["name"]) for row in rows if row["lent"])
    except (ValueError, KeyError, TypeError):
        return {}, frozenset()
