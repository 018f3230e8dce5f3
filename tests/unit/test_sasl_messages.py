"""AUTHENTICATE's pieces and messages: what is written is read, what is none is None."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.dialects.irc.sasl import (
    MAX_PIECES,
    PIECE,
    Plain,
    decode,
    encode,
    is_last,
    is_piece,
    read_external,
    read_final,
    read_first,
    read_plain,
)


@given(st.binary(max_size=PIECE * MAX_PIECES * 3 // 4 - 1))
def test_what_is_encoded_is_decoded(message: bytes) -> None:
    pieces = encode(message)
    assert all(is_piece(piece) for piece in pieces)
    assert [is_last(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert decode("".join(pieces)) == message


@pytest.mark.parametrize(
    ("message", "lengths"),
    [(b"", [1]), (b"x", [4]), (b"x" * 300, [400, 1]), (b"x" * 301, [400, 4])],
)
def test_a_full_piece_is_never_the_last(message: bytes, lengths: list[int]) -> None:
    assert [len(piece) for piece in encode(message)] == lengths


@pytest.mark.parametrize("text", ["+", "AAAA", "A", "=", "A" * 400])
def test_a_piece(text: str) -> None:
    assert is_piece(text)


@pytest.mark.parametrize("text", ["", "*", "A" * 401, "AA AA", "AAAA\n", "é", "-_", "٣"])
def test_what_is_no_piece(text: str) -> None:
    assert not is_piece(text)


@pytest.mark.parametrize(
    "pieces", ["A", "AA", "AAA", "A===", "AA=A", "AAAA*", "é", "A" * 1604, "++++++", "\ud800"]
)
def test_what_is_no_base64_is_none(pieces: str) -> None:
    assert decode(pieces) is None


@given(st.text(max_size=50))
def test_whatever_is_decoded_raises_nothing(text: str) -> None:
    found = decode(text)
    assert found is None or base64.b64encode(found).decode() in (text, text.removesuffix("+"))


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    .filter(bool)
    .flatmap(lambda name: st.tuples(st.just(name), st.text("pq é,=", min_size=1)))
)
def test_plain_is_read_as_it_was_written(said: tuple[str, str]) -> None:
    name, password = said
    for authzid in ("", name):
        message = f"{authzid}\0{name}\0{password}".encode()
        assert read_plain(message) == Plain(authzid, name, password)


@given(st.binary(max_size=60))
def test_no_message_raises(message: bytes) -> None:
    for read in (read_plain, read_external, read_first, read_final):
        read(message)


def test_a_first_message_is_taken_apart() -> None:
    first = read_first(b"y,a=x=2Cy,n=a=3Db=2Cc,r=!~+-,ext=1")
    assert first is not None
    assert first.header == "y,a=x=2Cy,"
    assert first.bare == "n=a=3Db=2Cc,r=!~+-,ext=1"
    assert (first.binding, first.authzid, first.name, first.nonce) == ("y", "x,y", "a=b,c", "!~+-")


def test_a_final_message_is_taken_apart() -> None:
    final = read_final(b"c=biws,r=abc,x=1,p=AAEC")
    assert final is not None
    assert final == ("c=biws,r=abc,x=1", "n,,", "abc", b"\x00\x01\x02")
