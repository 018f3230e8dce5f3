"""People talk: nc, the lab's client, every command, from outside."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness import PATIENCE, Client, Server, eventually, serving

LAB_CLIENT = Path(__file__).with_name("lab_client.py")


class Program:
    """A client program with a keyboard and a screen that the test holds."""

    def __init__(self, directory: Path, name: str, *command: str) -> None:
        self.screen = directory / name
        with self.screen.open("wb") as screen:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=screen, stderr=subprocess.STDOUT
            )

    def type(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def shown(self) -> list[str]:
        return self.screen.read_text().splitlines()

    def sees(self, line: str) -> None:
        eventually(f"{self.screen.name} sees {line!r}", lambda: line in self.shown())

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(PATIENCE)


def test_two_nc_and_the_labs_client_talk(server: Server, tmp_path: Path) -> None:
    port = str(server.port)
    alice = Program(tmp_path, "alice", "nc", "-N", "127.0.0.1", port)
    bob = Program(tmp_path, "bob", "nc", "-N", "127.0.0.1", port)
    lab = Program(tmp_path, "lab", sys.executable, str(LAB_CLIENT), "127.0.0.1", "zoé", port)
    alice.type("/nick alice\n")
    bob.type("/nick bob\n")
    lab.type("bonjour\n")
    everybody = (alice, bob, lab)
    for program in everybody:
        program.sees("zoé : bonjour")
    alice.type("one\n")
    bob.type("two\r\n")
    lab.type("trois : quatre\n")
    said = ["zoé : bonjour", "alice : one", "bob : two", "zoé : trois : quatre"]
    for program in everybody:
        for line in said:
            program.sees(line)
    for program in everybody:
        assert [program.shown().count(line) for line in said] == [1] * len(said)
    lab.end()
    alice.sees("--- zoé left #lobby (connection closed)")
    assert not any(line.startswith("zoé :") and line not in said for line in alice.shown())
    alice.end()
    bob.end()


def test_every_command_from_outside(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("is now bob")

    def asked(line: str) -> str:
        alice.send(line + "\n")
        return alice.line()

    assert asked("/who") == "--- in #lobby: alice, bob"
    assert asked("/rooms") == "--- #lobby (2)"
    assert asked("/topic") == "--- #lobby has no topic"
    assert asked("/topic tea at four") == "--- alice set the topic of #lobby: tea at four"
    assert asked("/topic -") == "--- alice cleared the topic of #lobby"
    assert asked("/me waves") == "* alice waves"
    assert asked("/msg bob psst") == "[alice -> bob] psst"
    assert asked("//usr/bin") == "alice : /usr/bin"
    assert (
        asked("/bogus") == "--- no such command: /bogus (/help lists them, // says a line with /)"
    )
    assert asked("/nick bob") == "--- nick bob is in use"
    assert asked("/join #ops") == "--- you are in #ops"
    assert alice.line() == "--- nobody else is here"
    assert asked("alone") == "alice : alone"
    assert asked("/leave") == "--- you are in #lobby"
    assert alice.line() == "--- here: bob"
    assert asked("/help").startswith("--- /help")
    alice.until("/quit [REASON]")
    alice.send("/quit gone fishing\n")
    assert alice.rest() == "--- closing: goodbye\n"
    assert bob.until("gone fishing") == [
        "--- alice set the topic of #lobby: tea at four",
        "--- alice cleared the topic of #lobby",
        "* alice waves",
        "[alice -> bob] psst",
        "alice : /usr/bin",
        "--- alice left #lobby (went to #ops)",
        "--- alice joined #lobby",
        "--- alice left #lobby (gone fishing)",
    ]


def test_lines_after_quit_are_not_said(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    bob_heard = bob.silent(0.01)
    alice.send("last\n/quit\nafter\n")
    alice.rest()
    assert bob_heard
    assert bob.until("left") == ["alice : last", "--- alice left #lobby"]
    assert bob.silent()


def test_on_ipv6_and_on_several_addresses(tmp_path: Path) -> None:
    config = '[[listen]]\naddress = "[::1]:0"\n[[listen]]\naddress = "127.0.0.1:0"\n'
    with serving(tmp_path, config) as server:
        six = Client(server.ports[0], "::1").greet("six")
        four = Client(server.ports[1]).greet("four")
        six.until("is now four")
        four.send("hello\n")
        assert six.line() == four.line() == "four : hello"
        assert any(title.startswith("chatd: six@[::1]:") for title in server.titles())
        six.close()
        four.close()


@pytest.mark.parametrize("reading", [True, False])
def test_a_client_that_has_closed_its_half_is_given_what_is_due(
    server: Server, reading: bool
) -> None:
    bob = server.connect("bob")
    alice = server.connect("alice")
    bob.until("is now alice")
    alice.send("one\ntwo")
    alice.socket.shutdown(socket.SHUT_WR if reading else socket.SHUT_RDWR)
    if reading:
        assert alice.rest() == "alice : one\nalice : two\n"
    assert bob.until("left")[:2] == ["alice : one", "alice : two"]


def test_a_reset_loses_nothing_that_had_come(server: Server) -> None:
    bob = server.connect("bob")
    for n in range(20):
        alice = server.connect(f"alice{n}")
        alice.send("one\ntwo\n")
        # Closing with SO_LINGER 0 is a reset (socket(7)).
        alice.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        alice.close()
        heard = bob.until("left")
        assert heard[-3:-1] == [f"alice{n} : one", f"alice{n} : two"]
