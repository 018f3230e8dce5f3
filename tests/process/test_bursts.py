"""Many lines at once, and then silence: nothing may be left lying."""

import pytest

from harness import Server


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
