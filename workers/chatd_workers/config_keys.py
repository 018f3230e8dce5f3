"""What a configuration key may be, in words: read off the structures that describe a file. Pure.

The same words stand in error messages, in chatd.toml(5) and chat-client.toml(5), and in the tests
that compare them, so they are made in one place, from the annotations that msgspec checks by.
"""

from types import NoneType
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

# A daemon leaves the directory it was started in, and the commands that look for it are started in
# others.
ABSOLUTE: Final = "an absolute path"
"""What the path of a daemon's file must be."""


class Key(NamedTuple):
    """One key of a table."""

    name: str
    allowed: str
    """What it may be, to stand after "must be"."""
    default: Any
    """None if it has none."""
    description: str


def wrong(key: str, reason: str) -> ValueError:
    """Return the error for ``key`` of a table that is being checked, as ``config_file`` reads it.

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
    # Annotated types that are given another annotation keep both, in one list.
    kind, *notes = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    metas = [note for note in notes if isinstance(note, Meta)]
    description = next((meta.description for meta in metas if meta.description), "")
    words = next((meta.extra["allowed"] for meta in metas if meta.extra), None)
    default = None if default is msgspec.NODEFAULT else default
    return words or _words(kind, metas), default, description


_NOUNS: Final = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}


def _words(kind: Any, metas: list[Meta]) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of strings"
    kinds = {each for each in (get_args(kind) or (kind,)) if each is not NoneType}
    noun = next((noun for known, noun in _NOUNS.items() if known in kinds), "a table")

    def bound(name: str) -> Any:
        return next((found for meta in metas if (found := getattr(meta, name)) is not None), None)

    if bound("max_length") is not None:
        return f"{noun} of {bound('min_length') or 0} to {bound('max_length')} characters"
    least, above, most = bound("ge"), bound("gt"), bound("le")
    if above is not None:
        return f"{noun} above {above:g} and at most {most:g}"
    if most is not None:
        return f"{noun} from {least} to {most}"
    return f"{noun} of {least} or more" if least is not None else noun
