"""What a configuration key may be, in words: read off the structures in ``config``. Pure.

The words stand in error messages, in chat-client.toml(5), and in the test that compares the two.
"""

from types import NoneType
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta, Struct


class Key(NamedTuple):
    """One key of a table."""

    name: str
    allowed: str
    """What it may be, to stand after "must be"."""
    default: Any
    """None if it has none."""
    description: str


def wrong(key: str, reason: str) -> ValueError:
    """Return the error for ``key`` of a table that is being checked, as ``config`` reads it.

    msgspec turns ValueError from ``__post_init__`` into a ValidationError that says where.
    """
    return ValueError(f"`{key}` {reason}")


def said(description: str, allowed: str = "") -> Meta:
    """Return what is to be said of a key, and what it must be if its type does not say it."""
    return Meta(description=description, extra={"allowed": allowed} if allowed else None)


def keys_of(table: type[Struct]) -> tuple[Key, ...]:
    """Return the keys of ``table`` in their order."""
    return tuple(
        Key(field.name, *_read(field.type, field.default))
        for field in msgspec.structs.fields(table)
    )


def _read(kind: Any, default: Any) -> tuple[str, Any, str]:
    kind, *notes = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    metas = [note for note in notes if isinstance(note, Meta)]
    description = next((meta.description for meta in metas if meta.description), "")
    words = next((meta.extra["allowed"] for meta in metas if meta.extra), None)
    default = None if default is msgspec.NODEFAULT else default
    return words or _words(kind, metas), default, description


_NOUNS: Final = {bool: "true or false", int: "an integer", str: "a string"}


def _words(kind: Any, metas: list[Meta]) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of strings"
    kinds = {each for each in (get_args(kind) or (kind,)) if each is not NoneType}
    noun = next((noun for known, noun in _NOUNS.items() if known in kinds), "a table")
    least = next((meta.ge for meta in metas if meta.ge is not None), None)
    most = next((meta.le for meta in metas if meta.le is not None), None)
    return noun if most is None else f"{noun} from {least} to {most}"
