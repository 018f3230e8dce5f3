"""What a server, or somebody on it, could send to disturb a screen: strategies for hypothesis."""

import enum
from typing import Any, Final, get_args, get_origin

from hypothesis import strategies as st
from msgspec import structs

from chatd_client.exchange import AnyNews, Status

ROOMS: Final = ("#lobby", "#ops", "bob", "")

LATEST: Final = 253402300799_000000
"""The end of the year 9999, in microseconds: what a server's time can say (RFC 3339)."""

ATTACKS: Final = (
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]52;c;aGk=\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b[?1049l",
    "\x9b31m",
    "\x9d0;title\x9c",
    "\x0e",
    "\x07\x08\x7f",
    "\r\n12:00 root │ yes",
    "\n\n\n",
    "\u2028\u2029\x85",
    "\u202eabc\u202c",
    "\u2066\u2067\u2068\u2069\u061c\u200e\u200f",
    "e" + "\u0301\u0489\u20dd" * 40,
    "\u0e33\u0e33\u0eb3",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\U0001f44b\U0001f3fd\U0001f1e9\U0001f1ea#\ufe0f\u20e3",
    "\u1112\u1161\u11ab\u115f\u1160\u3164\uffa0",
    "漢字かな한글ｗ",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f",
    "\x0304,01red\x03\x02bold\x1d\x1f\x16\x11\x1e\x0f",
    "\x04ff0000,00ff00hex",
    "───────── new ─────────",
    "12:00          root │ forged",
    " alice  online  irc.example ",
    "\ud800\udfff",
    "\ue000\U000f0000\ufffe\U0010ffff",
    "\u0600\u06dd\u070f\U000110bd",
    "\ufdfd\u2e3b\u12031",
    "\t\v\f",
    "x" * 10_000,
    "漢" * 3_000,
    "\u0301" * 10_000,
)
"""Each has been somebody's attack on a terminal, or is where widths are disputed."""

hostile_text: Final = st.lists(
    st.one_of(
        st.sampled_from(ATTACKS), st.text(max_size=12), st.sampled_from(("hi", "alice", " "))
    ),
    max_size=5,
).map("".join)

hostile_bytes: Final = st.one_of(
    hostile_text.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=20),
    st.sampled_from((b"\xff" * 10_000, b"\xc0\x80\xed\xa0\x80", b"\xf0\x9f\x91", b"\xe2\x80")),
)
"""What is no UTF-8 is among them."""

times: Final = st.one_of(st.just(0), st.integers(0, LATEST), st.integers(0, 2_000_000))


def news(*, statuses: bool = True) -> st.SearchStrategy[Any]:
    """Return a strategy for news of every kind, hostile in every field."""
    kinds = [kind for kind in get_args(AnyNews) if statuses or kind is not Status]
    return st.one_of(*map(_made, kinds))


def _made(kind: type) -> st.SearchStrategy[Any]:
    fields = {field.name: _field(field.name, field.type) for field in structs.fields(kind)}
    return st.builds(kind, **fields)


def _field(name: str, kind: Any) -> st.SearchStrategy[Any]:
    if name == "room":
        return st.one_of(st.sampled_from(ROOMS), hostile_text)
    if name in ("time", "since", "until"):
        return times
    if name == "msgid":
        return st.one_of(st.just(""), st.sampled_from("abcdef"), st.text(max_size=4))
    if name == "sent":
        return st.sampled_from(("", "1", "2"))
    return _typed(kind)


_PLAIN: Final[dict[Any, st.SearchStrategy[Any]]] = {
    str: hostile_text,
    bool: st.booleans(),
    int: st.integers(0, 1 << 31),
    float: st.floats(0, 1e9),
}


def _typed(kind: Any) -> st.SearchStrategy[Any]:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    if get_origin(kind) is not tuple:
        return _made(kind)
    first, *rest = get_args(kind)
    if rest == [...]:
        return st.lists(_typed(first), max_size=4).map(tuple)
    return st.tuples(_typed(first), *map(_typed, rest))
