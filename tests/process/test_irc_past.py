"""History for clients of IRC, over a real server: batches, labels, marks, the same after kills."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Client, Server, eventually

CONFIG = """
[history]
on_join = 2
max_lines = 50

[[listen]]
address = "127.0.0.1:0"
dialect = "irc"

[[listen]]
address = "127.0.0.1:0"
"""

FULL = "batch labeled-response message-tags server-time echo-message draft/chathistory"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, CONFIG)
    yield made
    made.stop()


def connect(server: Server, nick: str, capabilities: str = FULL) -> Client:
    client = Client(server.port)
    server.clients.append(client)
    client.send(f"CAP REQ :{capabilities}\r\nNICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nCAP END\r\n")
    client.until(" 422 ")
    return client


def answer(client: Client, command: str = "") -> list[str]:
    """Send ``command``; return all that is said before the answer to a PING after it."""
    client.send(f"{command}\r\nPING :done\r\n")
    lines = client.until(" PONG ")
    return [line.rstrip("\r\n") for line in lines[:-1]]


def texts(lines: list[str]) -> list[str]:
    said = [line.partition(" PRIVMSG ")[2] for line in lines if " PRIVMSG " in line]
    return [line.partition(" :")[2] for line in said]


def batched(lines: list[str], target: str) -> list[str]:
    """Return the lines in the batch that ``lines`` are."""
    first, *inner, last = lines
    begun = re.fullmatch(rf"(?:@\S+ )?:\S+ BATCH \+(\S+) chathistory {re.escape(target)}", first)
    assert begun is not None, first
    assert last.endswith(f" BATCH -{begun[1]}")
    assert all(re.match(rf"@(?:\S+;)?batch={re.escape(begun[1])}[; ]", line) for line in inner)
    return inner


def test_a_room_and_a_private_conversation(server: Server) -> None:
    alice, bob = connect(server, "alice"), connect(server, "bob")
    answer(alice, "JOIN #ops")
    heard = [answer(alice, f"PRIVMSG #ops :line {n}") for n in range(5)]
    told = [line for lines in heard for line in lines]
    assert len(told) == 5
    shown = batched(answer(alice, "CHATHISTORY LATEST #ops * 50"), "#ops")
    assert [re.sub(r"batch=\w+;?", "", line) for line in shown] == told
    ids = [found[1] for line in shown if (found := re.search(r"msgid=([^; ]+)", line))]
    times = [found[1] for line in shown if (found := re.search(r"time=([^; ]+)", line))]
    ask = f"CHATHISTORY BETWEEN #ops msgid={ids[0]} msgid={ids[4]} 2"
    assert texts(answer(alice, ask)) == ["line 1", "line 2"]
    ask = f"CHATHISTORY AFTER #ops timestamp={times[2]} 50"
    later = [f"line {n}" for n in range(5) if times[n] > times[2]]
    assert texts(answer(alice, ask)) == later
    # An answer has what was asked for together with it, and the label.
    lines = answer(alice, "PRIVMSG #ops :now\r\n@label=abc CHATHISTORY LATEST #ops * 1")
    assert lines[1].startswith("@label=abc ")
    assert texts(batched(lines[1:], "#ops")) == ["now"]
    assert answer(bob, "CHATHISTORY LATEST #ops * 1") == [
        ":chatd FAIL CHATHISTORY INVALID_TARGET LATEST #ops :there is no history of #ops for you"
    ]
    answer(alice, "PRIVMSG bob :psst")
    bob.until("psst")
    answer(bob, "PRIVMSG alice :what?")
    for client, other in ((alice, "bob"), (bob, "ALICE")):
        answer(client)
        lines = answer(client, f"CHATHISTORY LATEST {other} * 9")
        assert texts(batched(lines, other)) == ["psst", "what?"]
    period = "timestamp=2020-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z"
    _, line, _ = answer(bob, f"CHATHISTORY TARGETS {period} 9")
    assert re.search(r" CHATHISTORY TARGETS alice 2\S+Z$", line), line


def test_events_of_a_room_for_whoever_wants_them(server: Server) -> None:
    alice = connect(server, "alice", f"{FULL} draft/event-playback extended-join")
    answer(alice, "JOIN #ops")
    bob = connect(server, "bob", "message-tags")
    answer(bob, "JOIN #ops")
    for command in (
        "TOPIC #ops :tea",
        "@+draft/react=yes;+draft/reply=x TAGMSG #ops",
        "@+typing=active TAGMSG #ops",
        "NICK alicia",
    ):
        answer(alice, command)
    answer(bob, "PART #ops :enough")
    bob.send("QUIT\r\n")
    bob.rest()
    answer(alice)
    lines = batched(answer(alice, "CHATHISTORY LATEST #ops * 50"), "#ops")
    assert [re.sub(r"^@\S+ ", "", line) for line in lines] == [
        ":alice!~alice@127.0.0.1 JOIN #ops * :alice",
        ":bob!~bob@127.0.0.1 JOIN #ops * :bob",
        ":alice!~alice@127.0.0.1 TOPIC #ops :tea",
        ":alice!~alice@127.0.0.1 TAGMSG #ops",
        ":alice!~alice@127.0.0.1 NICK alicia",
        ":bob!~bob@127.0.0.1 PART #ops :enough",
    ]
    assert "+draft/react=yes" in lines[3]


def test_who_comes_in_is_shown_the_last_lines_unless_its_client_asks(server: Server) -> None:
    alice = connect(server, "alice")
    answer(alice, "JOIN #ops\r\nPRIVMSG #ops :one\r\nPRIVMSG #ops :two\r\nPRIVMSG #ops :three")
    lines = answer(connect(server, "bob", "batch server-time message-tags"), "JOIN #ops")
    assert texts(batched(lines[-4:], "#ops")) == ["two", "three"]
    lines = answer(connect(server, "carol", "message-tags"), "JOIN #ops")
    assert [re.sub(r"^\[\d\d:\d\d\] ", "", text) for text in texts(lines)] == ["two", "three"]
    assert texts(answer(connect(server, "dora"), "JOIN #ops")) == []


def test_the_past_starts_no_program(server: Server) -> None:
    alice = connect(server, "alice")
    answer(alice, "JOIN #ops\r\nPRIVMSG #ops :!load\r\nPRIVMSG #ops :\x01VERSION\x01")
    # on_join = 2: CTCP takes its place in what is looked at, and is left out.
    lines = answer(connect(server, "bob", "message-tags"), "JOIN #ops")
    assert [re.sub(r"\d\d:\d\d", "10:32", text) for text in texts(lines)] == ["[10:32] !load"]
    # As Sopel has it: times, and no batches.
    lines = answer(connect(server, "carol", "server-time"), "JOIN #ops")
    assert [re.sub(r"\d\d:\d\d", "10:32", text) for text in texts(lines)] == ["[10:32] !load"]
    lines = answer(connect(server, "dora", "server-time batch"), "JOIN #ops")
    assert texts(batched(lines[-3:], "#ops")) == ["!load"]
    for caps in ("message-tags", "server-time batch"):
        bot = connect(server, f"bot{len(caps)}", caps)
        answer(bot, f"MODE bot{len(caps)} +B")
        assert texts(answer(bot, "JOIN #ops")) == []
    tom = Client(server.ports[1]).greet("tom")
    server.clients.append(tom)
    tom.send("/join ops\n/who\n")
    shown = tom.until("--- in #ops")
    assert shown[-2].endswith(" alice : !load")
    assert not any("VERSION" in line for line in shown)


def test_a_client_notices_no_kill_and_has_the_same_past(server: Server) -> None:
    alice = connect(server, "alice", f"{FULL} draft/read-marker")
    answer(alice, "JOIN #ops")
    for n in range(5):
        answer(alice, f"PRIVMSG #ops :line {n}")
    answer(alice, "MARKREAD #ops timestamp=2024-01-01T00:00:00.000Z")
    before = batched(answer(alice, "CHATHISTORY LATEST #ops * 50"), "#ops")
    os.kill(server.master, signal.SIGKILL)
    server.again()
    eventually("it serves again", server.is_ready)
    assert batched(answer(alice, "CHATHISTORY LATEST #ops * 50"), "#ops") == before
    assert answer(alice, "MARKREAD #OPS") == [
        ":chatd MARKREAD #OPS timestamp=2024-01-01T00:00:00.000Z"
    ]
    newest = re.search(r"msgid=([^; ]+)", before[-1])
    assert newest is not None
    answer(alice, "PRIVMSG #ops :line 5")
    found = answer(alice, f"CHATHISTORY AFTER #ops msgid={newest[1]} 9")
    assert texts(found) == ["line 5"]


def test_marks(server: Server) -> None:
    alice = connect(server, "alice", "draft/read-marker")
    lines = answer(alice, "JOIN #ops")
    (marked,) = [line for line in lines if "MARKREAD" in line]
    assert marked == ":chatd MARKREAD #ops *"
    assert lines.index(marked) < next(n for n, line in enumerate(lines) if " 366 " in line)
    for time in ("2024-01-02T03:04:05.678Z", "2024-01-01T00:00:00.000Z"):
        assert answer(alice, f"MARKREAD #ops timestamp={time}") == [
            ":chatd MARKREAD #ops timestamp=2024-01-02T03:04:05.678Z"
        ]
    lines = answer(alice, "PART #ops\r\nJOIN #ops")
    assert ":chatd MARKREAD #ops timestamp=2024-01-02T03:04:05.678Z" in lines
    for wrong in ("MARKREAD", "MARKREAD #ops *", "MARKREAD #ops timestamp=soon"):
        (failed,) = answer(alice, wrong)
        assert failed.startswith(":chatd FAIL MARKREAD ")


@pytest.mark.parametrize(
    ("command", "failed"),
    [
        ("FROBNICATE #ops * 1", "UNKNOWN_COMMAND FROBNICATE"),
        ("LATEST #ops *", "NEED_MORE_PARAMS LATEST"),
        ("LATEST #ops yesterday 1", "INVALID_PARAMS LATEST yesterday"),
        ("BEFORE #ops * 1", "INVALID_PARAMS BEFORE *"),
        ("LATEST #ops * many", "INVALID_PARAMS LATEST many"),
        ("LATEST #nowhere * 1", "INVALID_TARGET LATEST #nowhere"),
        ("BEFORE #ops msgid=nonsense 1", "MESSAGE_ERROR BEFORE #ops"),
    ],
)
def test_what_cannot_be_answered(server: Server, command: str, failed: str) -> None:
    alice = connect(server, "alice")
    answer(alice, "JOIN #ops")
    (line,) = answer(alice, f"CHATHISTORY {command}")
    assert line.startswith(f":chatd FAIL CHATHISTORY {failed} :")
