"""Landlock: no file, no network, no signal to anybody else. landlock(7), linux/landlock.h.

A ruleset that handles everything this kernel knows of, and has no rule: nothing is allowed.
"""

import struct
from typing import Final, NamedTuple

_FILES: Final = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Since which ABI which rights on files can be denied: all of them, refer, truncate, ioctl."""

_NETWORK: Final = (4, 0b11)
"""TCP: bind and connect."""

_SCOPES: Final = (6, 0b11)
"""Abstract Unix sockets and signals of others."""


class Ruleset(NamedTuple):
    """``struct landlock_ruleset_attr``."""

    files: int
    network: int
    scopes: int

    def packed(self) -> bytes:
        """Return it as the kernel takes it: as long as its ABI knows it, no longer."""
        fields = [self.files, self.network, self.scopes]
        while len(fields) > 1 and not fields[-1]:
            fields = fields[:-1]
        return struct.pack(f"={len(fields)}Q", *fields)


def ruleset(abi: int) -> Ruleset:
    """Return the ruleset that denies all that ``abi`` can deny."""
    files = sum(rights for since, rights in _FILES if abi >= since)
    network = _NETWORK[1] if abi >= _NETWORK[0] else 0
    scopes = _SCOPES[1] if abi >= _SCOPES[0] else 0
    return Ruleset(files, network, scopes)
