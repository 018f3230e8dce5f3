"""What a server says of itself in 005, as far as it matters here. Modern, "RPL_ISUPPORT".

What makes no sense is ignored: the values that are assumed of a server that says nothing stay.
"""

import re
from typing import Final

from chatd_workers.names import fold

_HEX: Final = re.compile(r"\\x([0-9A-Fa-f]{2})")
_PREFIX: Final = re.compile(r"\(([A-Za-z]*)\)(.*)")

_STRICT: Final = str.maketrans("[]\\", "{}|")
_RFC1459: Final = str.maketrans("[]\\^", "{}|~")
_MAPPINGS: Final = {"rfc1459": _RFC1459, "rfc1459-strict": _STRICT, "strict-rfc1459": _STRICT}


class Support:
    """The server's parameters."""

    def __init__(self) -> None:
        self.network = ""
        self.channel_types = "#&"
        self.prefixes = {"o": "@", "v": "+"}
        """Letters of members' modes, the highest first, and what stands before nicks for them."""
        self.status_prefixes = ""
        self.history_limit = 100
        self.has_ids = True
        """CHATHISTORY takes message ids."""
        self.modes = ("beI", "k", "l")
        """CHANMODES: lists, with a parameter always, with one to set."""
        self._mapping: dict[int, int] | None = None

    def take(self, tokens: tuple[str, ...]) -> None:
        """Take the tokens of a line of 005."""
        for token in tokens:
            name, _, value = token.partition("=")
            value = _HEX.sub(lambda found: chr(int(found[1], 16)), value)
            self._take(name, value)

    def _take(self, name: str, value: str) -> None:
        match name:
            case "NETWORK":
                self.network = value
            case "CHANTYPES":
                self.channel_types = value
            case "STATUSMSG":
                self.status_prefixes = value
            case "CASEMAPPING":
                self._mapping = _MAPPINGS.get(value)
            case "PREFIX":
                found = _PREFIX.fullmatch(value)
                if found and len(found[1]) == len(found[2]):
                    self.prefixes = dict(zip(found[1], found[2], strict=True))
            case "CHANMODES":
                lists, always, setting, *_ = [*value.split(","), "", "", ""]
                self.modes = (lists, always, setting)
            case "CHATHISTORY":
                if value.isascii() and value.isdigit() and int(value[:9]) > 0:
                    self.history_limit = min(int(value[:9]), 500)
            case "MSGREFTYPES":
                self.has_ids = "msgid" in value.split(",")

    def key(self, name: str) -> str:
        """Return what two names are compared by."""
        folded = fold(name)
        return folded.translate(self._mapping) if self._mapping else folded

    def is_room(self, name: str) -> bool:
        """Tell whether ``name`` is that of a room, and not of a person."""
        return bool(name) and name[0] in self.channel_types

    def split_target(self, target: str) -> tuple[str, str]:
        """Return the prefixes that stand before a room's name (STATUSMSG), and the name."""
        name = target.lstrip(self.status_prefixes) if self.status_prefixes else target
        if not self.is_room(name):
            return "", target
        return target[: len(target) - len(name)], name

    def split_member(self, word: str) -> tuple[str, str]:
        """Return the prefixes that stand before a nick in a list of names, and the nick."""
        nick = word.lstrip("".join(self.prefixes.values()))
        return word[: len(word) - len(nick)], nick

    def takes_parameter(self, letter: str, *, add: bool) -> bool:
        """Tell whether a room's mode has a parameter."""
        lists, always, setting = self.modes
        return (
            letter in lists
            or letter in always
            or letter in self.prefixes
            or (add and letter in setting)
        )
