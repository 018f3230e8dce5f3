"""What a configuration key may be, in words: read off the structures in ``config``.

The same words stand in error messages, in chatd.toml(5) and in the test that compares them, so
they are made in one place, from the annotations that msgspec checks by.
"""

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


def absolute_path(description: str) -> Meta:
    """Return what is to be said of a key that must be an absolute path."""
    # A daemon leaves the directory it was started in, and the commands that look for it are
    # started in others.
    return Meta(description=description, extra={"allowed": "an absolute path"})


def keys_of(table: type[Struct]) -> tuple[Key, ...]:
    """Return the keys of ``table`` in their order."""
    return tuple(
        Key(field.name, *_read(field.type, field.default))
        for field in msgspec.structs.fields(table)
    )


def _read(kind: Any, default: Any) -> tuple[str, Any, str]:
    notes = []
    # Annotated types that are given another annotation keep both, in one list.
    if get_origin(kind) is Annotated:
        kind, *notes = get_args(kind)
    metas = [note for note in notes if isinstance(note, Meta)]
    description = next((meta.description for meta in metas if meta.description), "")
    said = next((meta.extra["allowed"] for meta in metas if meta.extra), None)
    default = None if default is msgspec.NODEFAULT else default
    return said or _words(kind, metas), default, description


_NOUNS: Final = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}


def _words(kind: Any, metas: list[Meta]) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    noun = next(noun for known, noun in _NOUNS.items() if kind is known or known in get_args(kind))

    def bound(name: str) -> Any:
        return next((found for m in metas if (found := getattr(m, name)) is not None), None)

    if bound("max_length") is not None:
        return f"{noun} of {bound('min_length') or 0} to {bound('max_length')} characters"
    least, above, most = bound("ge"), bound("gt"), bound("le")
    if above is not None:
        return f"{noun} above {above:g} and at most {most:g}"
    if most is not None:
        return f"{noun} from {least} to {most}"
    return f"{noun} of {least} or more" if least is not None else noun
