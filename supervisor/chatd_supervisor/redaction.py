"""What may be shown of commands and events to somebody who looks on (``tracing``). Pure.

Each text in them has a care, by the name of its field:

* what is SHOWN stands for people, places and things: nicks, rooms, modes, addresses;
* what is TEXT was said or written by somebody: shown only if that was asked for, else its length;
* what is SECRET is never shown: passwords, keys of rooms, what SASL exchanges, email addresses.

A field that is in none of the tables is SECRET, so what is added elsewhere and forgotten here is
not given away; a test asks for each. Numbers, flags and words of a fixed choice are shown. What is
shown is bounded, too: LONGEST characters of a text, MANY items of a list.
"""

import enum
import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import fold

LONGEST: Final = 1024
"""Characters that are shown of one text."""

MANY: Final = 32
"""Items that are shown of one list."""

HIDDEN: Final = "(secret)"
"""What stands for a secret."""

KEY_MODE: Final = "k"
"""The mode of a room whose parameter is its key."""

SERVICES: Final = frozenset({"nickserv", "ns", "chanserv", "cs", "authserv", "saslserv", "q"})
"""Who is told passwords on other networks, and by habit here, where nobody is called so."""


class Care(enum.Enum):
    """How a text is to be treated."""

    SHOWN = enum.auto()
    TEXT = enum.auto()
    SECRET = enum.auto()


_SHOWN: Final = """
    about account add by cipher code command created description dialect fields fingerprint host id
    kind letter local_user mask masks modes name names network nick nicks notice others problem
    remove room rooms server status target targets to tokens user verb version visibility
"""

_TEXT: Final = """
    arguments away context label params realname reason tags text token topic value words
"""

_NEVER: Final = "changes data email key keys once parameter password"

CARES: Final[Mapping[str, Care]] = {
    **dict.fromkeys(_SHOWN.split(), Care.SHOWN),
    **dict.fromkeys(_TEXT.split(), Care.TEXT),
    **dict.fromkeys(_NEVER.split(), Care.SECRET),
}
"""By the name of the field; ``_CARES_OF`` goes before."""

_CARES_OF: Final[Mapping[tuple[type[Struct], str], Care]] = {
    (c.Verify, "code"): Care.SECRET,
    # With their topics.
    (e.RoomsListed, "rooms"): Care.TEXT,
}

_USUAL: Final[Mapping[str, Care]] = {}


def care_of(struct: type[Struct], field: str) -> Care:
    """Return how what stands in ``field`` of ``struct`` is to be treated."""
    found = _CARES_OF.get((struct, field))
    return found or CARES.get(field, Care.SECRET)


def shown(value: Struct, *, text: bool) -> dict[str, Any]:
    """Return the fields of ``value`` as JSON can have them, but for those that are as usual.

    ``text``: what people say is shown. Secrets never are.
    """
    special = _SPECIAL.get(type(value))
    if special is not None:
        return special(value, text)
    return _fields(value, text)


def _fields(value: Struct, text: bool, cares: Mapping[str, Care] = _USUAL) -> dict[str, Any]:
    """Return the fields of ``value``; ``cares`` goes before what the tables say."""
    found = {}
    for name, usual, care in _plan(type(value)):
        content = getattr(value, name)
        if content != usual:
            found[name] = _content(content, cares.get(name, care), text)
    return found


@functools.cache
def _plan(struct: type[Struct]) -> tuple[tuple[str, Any, Care], ...]:
    """Return name, usual content and care of each field of ``struct``, found out once."""
    plan = []
    for field in msgspec.structs.fields(struct):
        usual = field.default
        if usual is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            usual = field.default_factory()
        plan.append((field.name, usual, care_of(struct, field.name)))
    return tuple(plan)


def _content(content: Any, care: Care, text: bool) -> Any:
    if isinstance(content, str):
        return _string(content, care, text)
    if isinstance(content, Struct):
        return shown(content, text=text)
    if isinstance(content, dict):
        return _content(list(content.items()), care, text)
    if isinstance(content, list | tuple):
        few = [_content(one, care, text) for one in content[:MANY]]
        return few if len(content) <= MANY else [*few, f"(and {len(content) - MANY} more)"]
    return content


def _string(content: str, care: Care, text: bool) -> str:
    if not content:
        return content
    if care is Care.SECRET:
        return HIDDEN
    size = len(content)
    if care is Care.TEXT and not text:
        return f"({size} character{'' if size == 1 else 's'})"
    return content if size <= LONGEST else f"{content[:LONGEST]} (and {size - LONGEST} more)"


# What the name of a field does not tell


def _to_services(value: Any, text: bool) -> dict[str, Any]:
    named = value.targets if isinstance(value, c.Send) else [value.nick]
    served = any(fold(target) in SERVICES for target in named)
    return _fields(value, text, {"text": Care.SECRET} if served else _USUAL)


def _mode_change(value: c.ModeChange, text: bool) -> dict[str, Any]:
    care = Care.SECRET if value.letter == KEY_MODE else Care.SHOWN
    return _fields(value, text, {"parameter": care})


def _modes_changed(value: e.ModesChanged, text: bool) -> dict[str, Any]:
    changes = [
        [sign, letter, HIDDEN if letter == KEY_MODE and parameter else parameter]
        for sign, letter, parameter in value.changes
    ]
    return _fields(value, text) | {"changes": _content(changes, Care.SHOWN, text)}


def _modes_shown(value: e.ModesShown, text: bool) -> dict[str, Any]:
    modes = [
        [letter, HIDDEN if letter == KEY_MODE and parameter else parameter]
        for letter, parameter in value.modes
    ]
    return _fields(value, text) | {"modes": _content(modes, Care.SHOWN, text)}


def _replied(value: e.Replied, text: bool) -> dict[str, Any]:
    if value.verb == "AUTHENTICATE":
        return _fields(value, text, {"params": Care.SECRET})
    return _fields(value, text)


def _labeled(value: c.Labeled, text: bool) -> dict[str, Any]:
    # Which command it is stands in no field.
    return (
        _fields(value, text) | {"command": name_of(value.command)} | shown(value.command, text=text)
    )


def _answered(value: e.Answered, text: bool) -> dict[str, Any]:
    few = [{"event": name_of(one), **shown(one, text=text)} for one in value.events[:MANY]]
    more = len(value.events) - MANY
    return _fields(e.Answered(value.label, ()), text) | {
        "events": [*few, f"(and {more} more)"] if more > 0 else few
    }


_SPECIAL: Final[Mapping[type[Struct], Callable[[Any, bool], dict[str, Any]]]] = {
    c.Send: _to_services,
    c.Tell: _to_services,
    e.Told: _to_services,
    c.ModeChange: _mode_change,
    c.Labeled: _labeled,
    e.ModesChanged: _modes_changed,
    e.ModesShown: _modes_shown,
    e.Replied: _replied,
    e.Answered: _answered,
}


def name_of(value: Struct) -> str:
    """Return what ``value`` is: the name of its type, as ``Say`` or ``Said``."""
    return type(value).__name__
