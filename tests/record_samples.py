"""Records of every type, with texts that a worker may send and texts that it may not.

Made from the types themselves (``msgspec.inspect``), so a command or field that is new is among
them.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from chatd_workers.names import FORMATTING

KNOWN = ("alice", "bob", "#lobby", "#ops", "", "o", "*", "root", "text", "2001:db8::1")
"""Names that mean something to a hub with an alice, a bob and #ops."""

INJECTED = "\r\n:mallory!m@h PRIVMSG #ops :forged"
"""What would be a line of its own."""

_texts = st.one_of(
    st.sampled_from(KNOWN),
    st.text("ab \u00e9", max_size=12),
    st.text(f"ab {FORMATTING}", max_size=6),
    st.sampled_from(["\x1b[2J", "a\nb", "a\rb", "\0", "\u2028", "\x85", "\u202e", INJECTED]),
    st.text(max_size=6),
)


def records(record: Any) -> st.SearchStrategy[Any]:
    """Return values of a type of the channel, as ``decode_record`` might make them."""
    return _values(inspect.type_info(record))


def _values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    for known, make in _MAKERS.items():
        if isinstance(kind, known):
            return make(kind)
    raise TypeError(f"no values of {kind} can be made")


def _a_struct(kind: inspect.StructType) -> st.SearchStrategy[Any]:
    return st.builds(kind.cls, **{field.name: _values(field.type) for field in kind.fields})


def _a_text(kind: inspect.StrType) -> st.SearchStrategy[str]:
    if kind.pattern is not None:
        return st.from_regex(kind.pattern)
    least = kind.min_length or 0
    most = kind.max_length if kind.max_length is not None else 1 << 16
    return _texts.filter(lambda text: least <= len(text) <= most)


def _a_number(kind: inspect.IntType) -> st.SearchStrategy[int]:
    least = kind.ge if kind.ge is not None else -(1 << 63)
    most = kind.le if kind.le is not None else (kind.lt or 1 << 63) - 1
    return st.integers(least, most) | st.sampled_from([max(0, least), min(1, most)])


# Any: each takes the one type that is its key, which no type for a dict can say.
_MAKERS: Final[dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]]] = {
    inspect.Metadata: lambda kind: _values(kind.type),
    inspect.StructType: _a_struct,
    inspect.UnionType: lambda kind: st.one_of([_values(each) for each in kind.types]),
    inspect.ListType: lambda kind: st.lists(
        _values(kind.item_type), max_size=min(kind.max_length or 3, 3)
    ),
    inspect.DictType: lambda kind: st.dictionaries(
        _values(kind.key_type), _values(kind.value_type), max_size=2
    ),
    inspect.TupleType: lambda kind: st.tuples(*map(_values, kind.item_types)),
    inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    inspect.StrType: _a_text,
    inspect.IntType: _a_number,
    inspect.BytesType: lambda _: st.binary(max_size=8),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.NoneType: lambda _: st.none(),
}


def texts_in(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in ``value``, however deep, with the name of the field that it is in."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from texts_in(getattr(value, field), field)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts_in(key, place)
            yield from texts_in(inner, place)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner, place)
