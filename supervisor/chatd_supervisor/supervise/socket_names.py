"""The file by which the next master knows the listening sockets: their names, by cookie.

One line of JSON a socket, for whoever looks. A socket that a killed master has bound and not
written down yet is closed by the next one, and bound again.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from chatd_supervisor import counts


def write(path: Path, named: Mapping[str, int], lent: frozenset[str]) -> None:
    """Put the cookies of the sockets ``named`` in place of what is at ``path``.

    ``lent`` are names of those that are a service manager's. Raises OSError.
    """
    rows = (
        {"cookie": counts.cookie_of(descriptor), "name": name, "lent": name in lent}
        for name, descriptor in named.items()
    )
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
    new.replace(path)


def read(path: Path) -> tuple[dict[int, str], frozenset[str]]:
    """Return the names at ``path``, by cookie, and which of them are lent; none if there are none.

    Raises OSError.
    """
    try:
        lines = path.read_text("utf-8", "surrogateescape").splitlines()
        rows = [json.loads(line) for line in lines]
        names = {int(row["cookie"]): str(row["name"]) for row in rows}
        return names, frozenset(str(row["name"]) for row in rows if row["lent"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}, frozenset()
