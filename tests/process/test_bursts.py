"""Many lines at once, and then silence: nothing may be left lying."""

import os
import signal
import socket
import threading
from contextlib import suppress

import pytest

from harness import PATIENCE, Server


@pytest.mark.parametrize("count", [1024, 1025, 5000, 100_000])
def test_a_burst_of_short_lines_is_said_to_its_end(server: Server, count: int) -> None:
    alice = server.connect("alice")
    bob = server.connect("bob")
    alice.until("bob")
    alice.send("".join(f"{n}\n" for n in range(count // 2)))
    # In its middle, and in the middle of a line, it pauses: no end of the stream helps along.
    alice.send("last")
    expected = [f"alice : {n}" for n in range(count // 2)]
    assert [alice.line() for _ in expected] == expected
    assert [bob.line() for _ in expected] == expected
    alice.send("\n")
    assert alice.line() == bob.line() == "alice : last"
    assert bob.silent()


def test_ten_thousand_newlines_say_nothing(server: Server) -> None:
    alice = server.connect("alice")
    bob = server.connect("bob")
    alice.until("bob")
    alice.send("\n" * 10_000 + "end\n")
    assert alice.line() == bob.line() == "alice : end"


@pytest.mark.parametrize("kills", [False, True])
def test_a_long_stream_never_stalls(server: Server, kills: bool) -> None:
    """A line's beginning at the end of a large segment must not close the window for its end."""
    alice = server.connect("alice")
    count = 150_000
    stream = "".join(f"{n}\n" for n in range(count)).encode()
    # All in a few large segments, as a pipe through nc sends it, not as fast as it is read.
    sending = threading.Thread(target=alice.send, args=(stream,), daemon=True)
    sending.start()
    for n in range(count):
        assert alice.line() == f"alice : {n}"
        if kills and n % 10_000 == 5_000:
            os.kill(server.workers()[0], signal.SIGKILL)
    sending.join(PATIENCE)
    assert alice.silent()


@pytest.mark.parametrize("kill_every", [0, 500])
def test_a_line_that_comes_byte_by_byte_is_said_whole(server: Server, kill_every: int) -> None:
    alice = server.connect("alice")
    alice.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    text = "x" * 8000
    for n, char in enumerate(text):
        alice.send(char)
        if kill_every and n % kill_every == 1:
            # The one before may have been reaped since it was listed.
            with suppress(ProcessLookupError):
                os.kill(server.workers()[0], signal.SIGKILL)
    alice.send("\n")
    assert alice.line() == f"alice : {text}"


def test_what_was_begun_is_a_line_when_the_stream_ends(server: Server) -> None:
    bob = server.connect("bob")
    alice = server.connect("alice")
    bob.until("is now alice")
    stream = b"0123456789\n" * 30_000 + b"the end"
    sending = threading.Thread(target=alice.send, args=(stream,), daemon=True)
    sending.start()
    for _ in range(30_000):
        assert alice.line() == "alice : 0123456789"
    sending.join(PATIENCE)
    alice.socket.shutdown(socket.SHUT_WR)
    assert alice.rest() == "alice : the end\n"
    assert bob.until("left")[-2:] == [
        "alice : the end",
        "--- alice left #lobby (connection closed)",
    ]
