"""The lowest descriptors, which have a fixed meaning in a table that is shared.

A new master knows what these are without being told, and a child that leaves the table takes them
along. Each is always open, so that no other descriptor ever gets its number: what is not in use
leads to /dev/null.
"""

import fcntl
import os
from collections.abc import Iterable
from typing import Final

SUPERVISOR: Final = 3
"""The supervisor's end of the channel between it and the master,"""
MASTER: Final = 4
"""and the master's end."""
SUCCESSOR: Final = 5
"""The channel to the program that is to take the table over (``succession``),"""
PREDECESSOR: Final = 6
"""and that to whoever had the table before, until there is nobody."""
NOTHING: Final = 7
"""/dev/null, opened once: a supervisor opens nothing while there is a master. What it closed again
a master could take for something else, when it goes through the table."""
FIRST_BIRTH: Final = 8
BIRTHS: Final = 8
"""So many, for channels of workers that are being forked."""
FREE: Final = FIRST_BIRTH + BIRTHS
"""The first number that is none of these."""


def reserve(kept: Iterable[int]) -> dict[int, int]:
    """Make the reserved descriptors; return where each of ``kept`` is now, if it was in the way."""
    moved = {}
    for number in kept:
        moved[number] = number
        if SUPERVISOR <= number < FREE:
            moved[number] = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, FREE)
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in range(SUPERVISOR, FREE):
        if number != nothing:
            os.dup2(nothing, number, inheritable=False)
    if nothing >= FREE:
        os.close(nothing)
    return moved


def put(descriptor: int, number: int) -> None:
    """Put a duplicate of ``descriptor`` in the place of the reserved ``number``."""
    os.dup2(descriptor, number, inheritable=False)


def clear(number: int) -> None:
    """Let go of what the reserved ``number`` leads to."""
    put(NOTHING, number)
