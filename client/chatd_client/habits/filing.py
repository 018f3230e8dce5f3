"""Names of files for servers and rooms, whatever these are called: pure.

A name keeps letters, digits and what is harmless; every other byte of its UTF-8 is written as
``%2F``. So no name is ``..`` or hidden, none has a slash in it, and two rooms never share a file.
"""

import hashlib
import re
from typing import Final

from chatd_workers.names import fold

LONGEST: Final = 200
"""Bytes of a name; a file system takes 255 (NAME_MAX), and something is put behind it."""

_HARMLESS: Final = re.compile(r"[\w#&+!@=,^{}\[\]-]")


def file_name(name: str) -> str:
    """Return the name of a file for the room, the person or the server ``name``.

    What a server counts as one room, in whatever case, has one file.
    """
    folded = fold(name)
    quoted = "".join(map(_quote, folded)) or "%"
    if len(quoted.encode()) <= LONGEST:
        return quoted
    digest = hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    begun = quoted.encode()[: LONGEST - len(digest) - 2].decode("utf-8", "ignore")
    # "%-" is in no name that is short enough, so this is nobody else's.
    return f"{begun.rstrip('%')}%-{digest}"


def _quote(char: str) -> str:
    if _HARMLESS.fullmatch(char):
        return char
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
