"""PROXY headers: what is read, what is waited for, what is refused. And how streams begin."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.commands import Proxied
from chatd_workers.opening import Beginning, Unwelcome, read_beginning
from chatd_workers.proxy import MAX_BLOCK, BadHeader, Header, read_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PORTS = st.integers(0, 65535)
FOUR = st.ip_addresses(v=4).map(str)
SIX = st.ip_addresses(v=6).map(lambda ip: socket.inet_ntop(socket.AF_INET6, ip.packed))


def block(family: int, addresses: bytes, *, first: int = 0x21) -> bytes:
    return SIGNATURE + struct.pack("!BBH", first, family, len(addresses)) + addresses


@given(FOUR, FOUR, PORTS, PORTS, st.binary(max_size=50))
def test_both_forms_for_ipv4(source: str, to: str, port: int, at: int, rest: bytes) -> None:
    line = f"PROXY TCP4 {source} {to} {port} {at}\r\n".encode()
    packed = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack("!HH", port, at)
    for header in (line, block(0x11, packed), block(0x11, packed + b"\3\0\4abcd")):
        assert read_header(header + rest) == Header(len(header), source, port)


@given(SIX, SIX, PORTS, PORTS)
def test_both_forms_for_ipv6(source: str, to: str, port: int, at: int) -> None:
    line = f"PROXY TCP6 {source} {to} {port} {at}\r\n".encode()
    pack = socket.inet_pton
    packed = pack(socket.AF_INET6, source) + pack(socket.AF_INET6, to)
    for header in (line, block(0x21, packed + struct.pack("!HH", port, at))):
        assert read_header(header) == Header(len(header), source, port)


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
        block(0x00, b"", first=0x20),
        block(0x11, b"", first=0x20),
        block(0x00, b""),
        block(0x31, bytes(216)),
    ],
)
def test_what_tells_no_address(header: bytes) -> None:
    assert read_header(header + b"more") == Header(len(header), "", 0)


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 5015\r\n",
        block(0x11, bytes(12)),
        block(0x21, bytes(36) + b"\4\0\0"),
    ],
)
def test_half_a_header_is_waited_for(header: bytes) -> None:
    assert [read_header(header[:size]) for size in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"PROXX",
        b"\r\n\r\n\0\r\nQUIX",
        b"PROXY \r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 \xff 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        b"PROXY TCP4 " + b"1" * 100,
        b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n",
        block(0x11, bytes(12), first=0x11),
        block(0x11, bytes(12), first=0x22),
        block(0x11, bytes(11)),
        block(0x21, bytes(12)),
        block(0x11, bytes(MAX_BLOCK)),
    ],
)
def test_what_is_no_header(data: bytes) -> None:
    with pytest.raises(BadHeader):
        read_header(data)


@given(st.binary() | st.binary().map(lambda b: b"PROXY " + b) | st.binary().map(SIGNATURE.__add__))
def test_whatever_comes_is_a_header_or_half_of_one_or_refused(data: bytes) -> None:
    try:
        header = read_header(data)
    except BadHeader:
        return
    if header is None:
        assert len(data) < MAX_BLOCK
    else:
        assert header.size <= len(data)
        assert read_beginning(data, proxied=True, final=False) == Beginning(
            header.size, Proxied(header.host or None, header.port)
        )


def test_lines_begin_at_once() -> None:
    for data in (b"hello", b"\x16", b"", b"\x16\x04"):
        assert read_beginning(data, proxied=False, final=True) == Beginning(0, None)
    assert read_beginning(b"h", proxied=False, final=False) == Beginning(0, None)


def test_tls_is_recognized_by_its_second_byte() -> None:
    assert read_beginning(b"\x16", proxied=False, final=False) is None
    with pytest.raises(Unwelcome):
        read_beginning(b"\x16\x03", proxied=False, final=False)


def test_a_stream_that_ends_in_its_header() -> None:
    assert read_beginning(b"PROXY", proxied=True, final=False) is None
    assert read_beginning(b"", proxied=True, final=True) is None
    with pytest.raises(Unwelcome):
        read_beginning(b"PROXY", proxied=True, final=True)
