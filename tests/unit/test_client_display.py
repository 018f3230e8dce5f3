"""What chat-client shows: nothing that others send can touch the terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from chatd_client.display import Display

PIECES = st.lists(
    st.binary(max_size=12)
    | st.sampled_from([b"\0", b"\n", b"\r\n", b"\n\0", b"\x1b[2J", b"\xc2", b"\x9b", "é".encode()])
)


def show(*pieces: bytes) -> str:
    display = Display()
    return "".join(map(display.feed, pieces)) + display.feed(b"", final=True)


def test_a_nul_ends_a_line_only_if_it_has_no_end_yet() -> None:
    assert show(b"alice : one\0\0bob : two\n\0--- three\n") == "alice : one\nbob : two\n--- three\n"
    assert show(b"\0\0\n") == "\n"


def test_controls_and_what_is_no_utf8_are_replaced() -> None:
    assert show(b"a\x1b[2J\x07\x7f\xff\tb\r\n") == "a\ufffd[2J\ufffd\ufffd\ufffd b\n"
    assert show("\x9b31m\u202eevil\n".encode()) == "\ufffd31m\ufffdevil\n"


def test_a_line_without_an_end_gets_one_at_the_end() -> None:
    assert show(b"half") == "half\n"
    assert show(b"caf\xc3") == "caf\ufffd\n"
    assert show() == ""


def test_a_character_in_two_pieces_is_one() -> None:
    assert show(b"caf\xc3", b"\xa9\n") == "café\n"


@given(PIECES)
def test_any_split_shows_the_same(pieces: list[bytes]) -> None:
    assert show(*pieces) == show(b"".join(pieces))


@given(PIECES)
def test_no_control_but_the_end_of_a_line_is_ever_shown(pieces: list[bytes]) -> None:
    shown = show(*pieces)
    assert {c for c in shown if unicodedata.category(c) in {"Cc", "Cs"}} <= {"\n"}
    assert shown == "" or shown.endswith("\n")
