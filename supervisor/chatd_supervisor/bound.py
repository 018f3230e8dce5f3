"""Listening sockets that were bound as root, on their way to a supervisor that is no longer."""

import os
from collections.abc import MutableMapping
from typing import Final

BOUND: Final = "CHATD_BOUND"
"""The environment variable by which a supervisor is told what was bound before it."""


def tell_supervisor(bound: dict[str, int], environ: MutableMapping[str, str] = os.environ) -> None:
    """Let the program that this process becomes next know what is ``bound``."""
    if bound:
        environ[BOUND] = "\n".join(f"{number} {name}" for name, number in bound.items())
    for descriptor in bound.values():
        os.set_inheritable(descriptor, True)


def take_bound(environ: MutableMapping[str, str] = os.environ) -> dict[str, int]:
    """Return what the program before this one has bound, by name; it is spoken of no more."""
    bound = {}
    for row in environ.pop(BOUND, "").splitlines():
        number, _, name = row.partition(" ")
        bound[name] = int(number)
        os.set_inheritable(bound[name], False)
    return bound
