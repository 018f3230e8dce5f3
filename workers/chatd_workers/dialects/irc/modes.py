"""Modes of rooms and people: the one table that reader, hub, writer and ISUPPORT read.

``+o-v+k alice bob sesame`` is a list of changes; which letters take a parameter is all one must
know to read it (Modern, "MODE message", "CHANMODES"). A letter that is not in the table is handed
on without one, for the hub to refuse.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from chatd_workers.commands import ModeChange


class Kind(Enum):
    """Which changes of a mode take a parameter; the values are the places in CHANMODES."""

    LIST = "A"
    """Masks are added and removed; without a parameter the list is asked for."""
    KEY = "B"
    """A parameter always (to remove it, any or none)."""
    SETTING = "C"
    """A parameter only when it is set."""
    FLAG = "D"
    """Never a parameter."""
    MEMBER = "PREFIX"
    """What a member is in a room; the parameter is the nick."""


class Mode(NamedTuple):
    """One letter: its kind, and what it does."""

    kind: Kind
    summary: str


ROOM_MODES: Final[Mapping[str, Mode]] = {
    "b": Mode(Kind.LIST, "who matches the mask may not come in or speak"),
    "e": Mode(Kind.LIST, "whom no ban touches"),
    "I": Mode(Kind.LIST, "who may come in without being invited"),
    "k": Mode(Kind.KEY, "the word one has to know to come in"),
    "l": Mode(Kind.SETTING, "how many may be in"),
    "C": Mode(Kind.FLAG, "no CTCP but actions"),
    "M": Mode(Kind.FLAG, "only who is logged in, or has voice, may speak"),
    "R": Mode(Kind.FLAG, "only who is logged in may come in"),
    "i": Mode(Kind.FLAG, "only who is invited may come in"),
    "m": Mode(Kind.FLAG, "only who has voice may speak"),
    "n": Mode(Kind.FLAG, "only who is in may speak"),
    "s": Mode(Kind.FLAG, "hidden from who is not in"),
    "t": Mode(Kind.FLAG, "only operators set the topic"),
    "o": Mode(Kind.MEMBER, "operator of the room"),
    "v": Mode(Kind.MEMBER, "has voice"),
}
"""Modes of a room; members' from the mightiest down."""

USER_MODES: Final[Mapping[str, Mode]] = {
    "B": Mode(Kind.FLAG, "a bot"),
    "R": Mode(Kind.FLAG, "takes private lines only from who is logged in, or accepted"),
    "T": Mode(Kind.FLAG, "takes no CTCP but actions"),
    "g": Mode(Kind.FLAG, "takes private lines only from those accepted (ACCEPT)"),
    "i": Mode(Kind.FLAG, "not shown to who shares no room"),
    "o": Mode(Kind.FLAG, "operator of the server; given by OPER, one can only drop it"),
    "r": Mode(Kind.FLAG, "logged in; the server's to give and take"),
    "w": Mode(Kind.FLAG, "hears WALLOPS"),
}
"""Modes of a person."""

PREFIXES: Final[Mapping[str, str]] = {"o": "@", "v": "+"}
"""What stands before the nick of a member, the mightiest first."""


MAX_KEY: Final = 32
"""Characters in the key of a room (+k)."""

EXTENDED: Final = "$"
"""What masks begin with that are not ``nick!user@host``: what follows tells their kind."""

ACCOUNT: Final = "a"
"""The kind of mask that means whoever is logged in to an account (IRCv3 account-extban)."""


def letters(modes: Mapping[str, Mode], *kinds: Kind) -> str:
    """Return the letters of ``modes`` that are of ``kinds``, of any if there are none, in order."""
    return "".join(letter for letter, mode in modes.items() if not kinds or mode.kind in kinds)


CHANMODES: Final = ",".join(
    letters(ROOM_MODES, kind) for kind in (Kind.LIST, Kind.KEY, Kind.SETTING, Kind.FLAG)
)
"""The token of ISUPPORT."""

PREFIX: Final = f"({''.join(PREFIXES)}){''.join(PREFIXES.values())}"
"""The token of ISUPPORT."""

WITH_PARAMETER: Final = letters(ROOM_MODES, Kind.LIST, Kind.KEY, Kind.SETTING, Kind.MEMBER)
"""The fifth parameter of RPL_MYINFO (004)."""


def read_modes(modes: Mapping[str, Mode], words: Sequence[str]) -> list[ModeChange]:
    """Return the changes that ``words``, letters and then parameters, ask for.

    A parameter that is missing is None.
    """
    if not words:
        return []
    return list(_read(modes, words[0], iter(words[1:])))


def _read(modes: Mapping[str, Mode], text: str, params: Iterator[str]) -> Iterator[ModeChange]:
    add = True
    for letter in text:
        if letter in "+-":
            add = letter == "+"
            continue
        mode = modes.get(letter)
        takes = mode is not None and takes_parameter(mode.kind, add=add)
        yield ModeChange(add, letter, next(params, None) if takes else None)


def takes_parameter(kind: Kind, *, add: bool) -> bool:
    """Tell whether a change of a mode of ``kind`` has a parameter after it."""
    return add if kind is Kind.SETTING else kind is not Kind.FLAG


def write_modes(changes: Iterable[ModeChange]) -> list[str]:
    """Return ``changes`` as the parameters of a MODE, with as few signs as will do; [] for none."""
    text = ""
    params = []
    sign = ""
    for change in changes:
        wanted = "+" if change.add else "-"
        text += change.letter if wanted == sign else wanted + change.letter
        sign = wanted
        if change.parameter is not None:
            params.append(change.parameter)
    return [text, *params] if text else []
