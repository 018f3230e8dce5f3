"""chat-client for programs: objects, commands for messages, waiting for a message."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from harness import CHAT_CLIENT, CHATD, PATIENCE, Client, Server, eventually, serving
from irc_harness import IRC_CONFIG

TEXT_TOO = '\n[[listen]]\naddress = "127.0.0.1:0"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), IRC_CONFIG + TEXT_TOO) as running:
        yield running


def person(server: Server, nick: str, room: str) -> Client:
    """Return somebody who is in ``room`` and sees who comes."""
    client = Client(server.ports[1]).greet(nick)
    server.clients.append(client)
    client.send(f"/join {room}\n")
    client.until(f"you are in {room}")
    return client


class Program:
    """chat-client with pipes for all its streams."""

    def __init__(self, server: Server, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [CHAT_CLIENT, f"irc://127.0.0.1:{server.ports[0]}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.input: IO[str] = self.process.stdin
        self.output: IO[str] = self.process.stdout

    def order(self, **order: Any) -> None:
        self.input.write(json.dumps(order) + "\n")
        self.input.flush()

    def until(self, event: str, **fields: Any) -> dict[str, Any]:
        """Return the next object with this event and these fields."""
        # A line that never comes: the process is killed, and that ends its output.
        late = threading.Timer(PATIENCE, self.process.kill)
        late.start()
        try:
            return self._until({"event": event, **fields})
        finally:
            late.cancel()

    def _until(self, wanted: dict[str, Any]) -> dict[str, Any]:
        for line in self.output:
            found: dict[str, Any] = json.loads(line)
            if {name: found.get(name) for name in wanted} == wanted:
                return found
        raise AssertionError(f"ended, or was silent, before {wanted}")

    def ends(self) -> tuple[int, str, str]:
        """Close the input; return the exit code and what was still written."""
        shown, complaints = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, shown, complaints


def test_objects_in_and_out(server: Server) -> None:
    bob = person(server, "bob", "#json")
    bot = Program(server, "--json", "--nick", "bot", "--room", "#json")
    assert bot.until("status", phase="online")["nick"] == "bot"
    bot.until("came", own=True, room="#json")
    bot.order(order="say", text="good day", ref=7)
    accepted = bot.until("accepted", ref=7)
    said = bot.until("said", text="good day")
    assert (said["sent"], said["room"], said["own"]) == (accepted["id"], "#json", True)
    bob.until("bot : good day")
    bob.send("hello \x02bot\n")
    assert bot.until("said", nick="bob")["room"] == "#json"
    bot.order(order="listrooms")
    assert bot.until("listed", room="#json")["members"] == 2
    bot.order(order="quit", reason="done")
    assert bot.ends()[0] == 0


def test_one_is_told_which_process_one_is_served_by(server: Server) -> None:
    bot = Program(server, "--json", "--nick", "served", "--room", "#json")
    bot.until("came", own=True)
    pid = server.worker_of("served")
    bot.order(order="whois")
    facts = dict(bot.until("person", nick="served")["facts"])
    assert (facts["process"], facts["restarts"]) == (str(pid), "0")
    os.kill(pid, signal.SIGKILL)
    eventually("another process", lambda: server.worker_of("served") != pid)
    bot.order(order="whois")
    facts = dict(bot.until("person", nick="served")["facts"])
    assert (facts["process"], facts["restarts"]) == (str(server.worker_of("served")), "1")
    assert bot.ends()[0] == 0


def test_what_is_no_order_is_answered_and_nothing_else_comes_of_it(server: Server) -> None:
    bot = Program(server, "--json", "--nick", "bot", "--room", "#wrong")
    bot.until("status", phase="online")
    for line, why in (
        ("nonsense", ""),
        ("[]", "an order is an object"),
        ('{"order": "fly"}', "order must be one of say"),
        ('{"order": "say", "txt": "x"}', "unknown key txt"),
        ('{"order": "older", "room": "#wrong", "count": "x"}', "Expected `int`"),
        ("[" * 100_000, ""),
    ):
        bot.input.write(f"{line}\n")
        bot.input.flush()
        assert why in bot.until("error")["why"]
    bot.order(order="say", text="still here", ref="last")
    bot.until("accepted", ref="last")
    bot.until("said", text="still here")
    assert bot.ends()[0] == 0


def test_a_command_answers_and_no_message_is_ever_part_of_it(
    server: Server, tmp_path: Path
) -> None:
    owned = tmp_path / "owned"
    evil = f"!who; $(touch {owned}) `touch {owned}` '\""
    bob = person(server, "bob2", "#exec")
    program = 'case $CHAT_TEXT in "!who"*) echo "you are $CHAT_NICK"; cat >&2;; esac'
    bot = Program(server, "--nick", "answers", "--room", "#exec", "--exec", program)
    bob.until("answers joined #exec")
    bob.send(f"of no interest\n{evil}\n")
    assert bob.until("you are")[-1] == "answers : you are bob2"
    bob.send("!who again\n")
    bob.until("you are bob2")
    bot.process.terminate()
    _, _, complaints = bot.ends()
    first = json.loads(complaints.splitlines()[0])
    assert first["text"] == evil
    assert first["room"] == "#exec"
    assert not owned.exists()


def test_a_command_that_fails_is_said_and_the_next_one_runs(server: Server) -> None:
    bob = person(server, "bob3", "#fails")
    program = '[ "$CHAT_TEXT" = ok ] && echo fine || exit 3'
    bot = Program(server, "--nick", "fails", "--room", "#fails", "--exec", program)
    bob.until("fails joined #fails")
    bob.send("bad\nok\n")
    bob.until("fails : fine")
    bot.process.terminate()
    assert "exited with status 3" in bot.ends()[2]


def test_once_is_one_command(server: Server) -> None:
    bob = person(server, "bob4", "#one")
    bot = Program(server, "--nick", "one", "--room", "#one", "--once", "--exec", "echo heard")
    bob.until("one joined #one")
    bob.send("first\n")
    bob.until("one : heard")
    assert bot.ends()[0] == 0


def test_the_next_message_is_waited_for(server: Server) -> None:
    bob = person(server, "bob5", "#gate")
    gate = Program(server, "--nick", "gate", "--room", "#gate", "--once")
    bob.until("gate joined #gate")
    bob.send("go\n")
    eventually("it has left", lambda: gate.process.poll() is not None)
    code, shown, _ = gate.ends()
    assert code == 0
    assert shown.count("bob5 : go\n") == 1


def test_the_next_message_is_not_waited_for_for_ever(server: Server) -> None:
    bot = Program(server, "--once", "--timeout", "0.7", "--nick", "gate", "--room", "#go")
    code, shown, complaints = bot.ends()
    assert (code, shown) == (1, "--- you have come in\n")
    assert complaints == "chat-client: given up: nobody has said anything\n"


def test_a_password_on_the_input_leaves_the_rest_to_be_said(server: Server) -> None:
    bob = person(server, "bob6", "#pw")
    bot = Program(
        server, "--nick", "pw", "--room", "#pw", "--account", "nobody", "--password-file", "-"
    )
    bot.input.write("wrong password\nis not said\n")
    code, shown, complaints = bot.ends()
    assert code == 77
    assert "wrong password" not in shown + complaints
    bob.send("end\n")
    assert not [line for line in bob.until("bob6 : end") if "password" in line]


def test_a_password_is_the_same_however_it_is_typed(server: Server) -> None:
    """Also by SCRAM, for which the client prepares it: decomposed, and with another space."""
    subprocess.run(
        [CHATD, "account", "add", "zoe", "--password-stdin", *server.options()],
        input="caf\u00e9 cr\u00e8me\n",
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    bob = person(server, "bob7", "#cafe")
    options = ("--nick", "zoe", "--room", "#cafe", "--account", "zoe", "--password-file", "-")
    bot = Program(server, *options)
    bot.input.write("cafe\u0301\u00a0cre\u0300me\nhere I am\n")
    assert bot.ends()[0] == 0
    bob.until("zoe : here I am")
