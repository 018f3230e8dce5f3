"""What chat-client writes: lines from any pieces, and the two wires."""

from hypothesis import given
from hypothesis import strategies as st

from chatd_client.wires import GREETING, LONGEST_LINE, NOTICE, ChatdWire, LabWire, Lines


def cut(data: bytes, *pieces: bytes) -> list[str]:
    lines = Lines()
    found = [line for piece in pieces or [data] for line in lines.feed(piece)]
    return found + lines.feed(b"", final=True)


def test_lines_end_with_lf_or_crlf_and_the_last_may_have_no_end() -> None:
    assert cut(b"one\ntwo\r\n\nthree") == ["one", "two", "", "three"]
    assert cut(b"") == []


def test_a_nul_would_end_a_message_and_is_left_out() -> None:
    assert cut(b"a\0b\n\0\n") == ["ab", ""]


def test_bytes_that_are_no_utf8_pass_unchanged() -> None:
    (line,) = cut(b"caf\xe9\n")
    assert list(ChatdWire(None).blocks([line])) == [b"caf\xe9\n"]
    assert list(LabWire("a").blocks([line])) == [b"a : caf\xe9\0"]


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"\n", b"\r\n", b"\r", b"\0"])))
def test_any_split_gives_the_same_lines(pieces: list[bytes]) -> None:
    assert cut(b"", *pieces, b"") == cut(b"".join(pieces))


def test_a_line_that_never_ends_is_cut_and_not_kept() -> None:
    lines = Lines()
    said = [line for _ in range(100) for line in lines.feed(b"x" * 10_000)]
    assert all(LONGEST_LINE <= len(line) < LONGEST_LINE + 10_000 for line in said)
    assert len("".join(said + lines.feed(b"", final=True))) == 1_000_000


def test_the_wire_of_chatd() -> None:
    wire = ChatdWire("zoé")
    assert wire.hello() == "/nick zoé\n".encode()
    assert ChatdWire(None).hello() == b""
    assert list(wire.blocks(["one", "", "/me waves"])) == [b"one\n\n/me waves\n"]
    assert wire.goodbye() == b""
    assert [wire.leaves(line) for line in ("/quit", "/QUIT bye", "/quitter", "quit")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_wire_of_the_labs_server() -> None:
    wire = LabWire("zoé")
    assert wire.hello() == b""
    assert list(wire.blocks(["bonjour", "à : b", ""])) == [
        b"zo\xc3\xa9 : bonjour\0",
        b"zo\xc3\xa9 : \xc3\xa0 : b\0",
        b"zo\xc3\xa9 : \0",
    ]
    assert wire.goodbye() == b"zo\xc3\xa9 :\0"
    assert not wire.leaves("/quit")


def test_a_greeting_is_a_notice() -> None:
    assert GREETING.startswith(NOTICE)
