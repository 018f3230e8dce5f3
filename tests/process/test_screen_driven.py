"""chat-client in tmux, driven as a person would, each screen as it must be.

The screens stand in ``screens/``; ``--new-screens`` writes them anew, to be looked at before they
are committed. What differs from run to run (clock, lag, date, port) is masked, cell for cell.
``--outage 20`` has the server away for as long as a real outage takes.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from client_harness import gone, reader_of
from harness import CHAT_CLIENT, CHATD, PATIENCE, Server, eventually, serving
from hostile import ATTACKS
from irc_harness import IrcClient
from screens import Screen
from storm.course import free_port

SCREENS = Path(__file__).with_name("screens")

MASKS = (
    (re.compile(r"^\d\d:\d\d", re.MULTILINE), "hh:mm"),
    (re.compile(r"─+ \w+, \d+ \w+ \d+ ─+"), "──── today ────"),
    (re.compile(r" +lag \d+ m?s( …)?"), ""),
    (re.compile(r"port \d+"), "port N"),
)


class Driver:
    """alice at her terminal, bob elsewhere, and the server."""

    def __init__(self, server: Server, screen: Screen, bob: IrcClient, *, new: bool) -> None:
        self.server = server
        self.screen = screen
        self.bob = bob
        self._new = new

    def bob_says(self, room: str, *texts: str) -> None:
        self.bob.send(*(f"PRIVMSG {room} :{text}" for text in texts))
        self.bob.sync()

    def is_as(self, name: str) -> None:
        """Wait until the screen is as it was written down under ``name``."""
        path = SCREENS / f"{name}.txt"
        if self._new:
            time.sleep(1)
            path.write_text(masked(self.screen.shown()), "utf-8")
        wanted = path.read_text("utf-8")
        deadline = time.monotonic() + PATIENCE
        while (shown := masked(self.screen.shown())) != wanted:
            assert time.monotonic() < deadline, f"not {name}.txt:\n{shown}\nbut\n{wanted}"
            time.sleep(0.05)


def masked(shown: str) -> str:
    for pattern, mask in MASKS:
        shown = pattern.sub(mask, shown)
    return "\n".join(line.rstrip() for line in shown.split("\n"))


@contextmanager
def driving(directory: Path, *, new: bool, supervised: bool = False) -> Iterator[Driver]:
    # The same port after an outage.
    port = free_port()
    config = (
        f'[server]\nname = "irc.example"\nnetwork = "Example"\n'
        f'[[listen]]\naddress = "127.0.0.1:{port}"\ndialect = "irc"\n'
    )
    with (
        serving(directory, config, supervised=supervised) as server,
        IrcClient(port) as bob,
    ):
        bob.send("NICK bob", "USER bob 0 * :Bob", "JOIN #ops,#tea", "TOPIC #ops :on call: bob")
        bob.sync()
        command = [CHAT_CLIENT, f"irc://127.0.0.1:{port}", "--nick", "alice"]
        with Screen(
            directory / "alice",
            *("env", "-u", "XDG_CONFIG_HOME", "-u", "XDG_STATE_HOME", *command),
            *("--room", "#ops", "--room", "#tea"),
            columns=80,
            rows=16,
        ) as screen:
            screen.sees("alice  online")
            yield Driver(server, screen, bob, new=new)


@pytest.fixture
def new(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("new_screens"))


def test_a_day_with_chat_client(
    tmp_path: Path, request: pytest.FixtureRequest, *, new: bool
) -> None:
    with driving(tmp_path, new=new) as driver:
        _have_a_day(driver, request.config.getoption("outage"))


def _have_a_day(driver: Driver, outage: float) -> None:
    screen, server = driver.screen, driver.server
    driver.bob_says("#ops", "good morning, alice")
    screen.type("morning bob")
    driver.bob_says("#tea", "the kettle is on")
    driver.is_as("talking")

    # Another room, by its number, and a nick completed.
    screen.press("M-2")
    screen.write("bo")
    screen.press("Tab")
    screen.type("is there any left?")
    driver.is_as("another-room")

    # What was said fills more than the screen: up, search, back.
    screen.press("M-1")
    driver.bob_says("#ops", *(f"step {number} of the move is done" for number in range(1, 31)))
    driver.is_as("full")
    screen.press("PageUp")
    driver.is_as("scrolled")
    screen.press("End")
    screen.type("/search morning")
    driver.is_as("found")
    screen.press("Escape")
    screen.press("End")
    driver.is_as("full")

    # Another size, and who is here.
    screen.resize(60, 12)
    screen.press("F2")
    driver.is_as("small")
    screen.press("F2")
    screen.resize(80, 16)
    driver.is_as("full")

    # The server goes, and comes back: one line was typed meanwhile, another was said.
    server.process.terminate()
    server.process.wait(PATIENCE)
    screen.sees("offline")
    screen.type("is anybody there?")
    screen.sees("is anybody there\\? …")
    driver.is_as("offline")
    time.sleep(outage)
    server.again()
    eventually("it serves again", server.is_ready)
    screen.sees("alice  online", patience=60)
    with IrcClient(server.port) as bob:
        bob.send("NICK bob", "USER bob 0 * :Bob", "JOIN #ops")
        bob.sync()
        bob.send("PRIVMSG #ops :back again")
        driver.is_as("back")
    # Once, whoever asks.
    done = subprocess.run(
        [CHATD, "history", f"--state-dir={server.state_dir}", "#ops", "--search=anybody"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.count("is anybody there?") == 1


def test_whatever_happens_to_the_server_is_hardly_seen(tmp_path: Path, *, new: bool) -> None:
    with driving(tmp_path, new=new, supervised=True) as driver:
        server, screen = driver.server, driver.screen

        def says(text: str) -> None:
            driver.bob_says("#ops", text)
            screen.sees(f"bob │ {text}\n")

        says("before")
        os.kill(server.worker_of("alice"), signal.SIGKILL)
        says("after the worker")
        subprocess.run([CHATD, "upgrade", *server.options()[1:2]], check=True, timeout=PATIENCE)
        says("after an upgrade")
        subprocess.run([CHATD, "restart", *server.options()], check=True, timeout=PATIENCE)
        says("after a restart")
        master = server.master
        os.kill(master, signal.SIGKILL)
        eventually("another master", lambda: server.master not in (0, master))
        says("after the master")
        driver.is_as("survived")
        screen.press("M-0")
        screen.sees("0 server")
        screen.has_noticed_nothing()


def test_the_reading_process_killed_is_a_change_of_status(tmp_path: Path, *, new: bool) -> None:
    with driving(tmp_path, new=new) as driver:
        screen = driver.screen
        # tmux runs the program in place of its shell.
        pid = int(screen.pane("#{pane_pid}"))
        for number in range(3):
            driver.bob_says("#ops", f"before {number}")
            reader = reader_of(pid)
            os.kill(reader, signal.SIGKILL)
            driver.bob_says("#ops", f"while away {number}")
            gone(reader)
            eventually("another one", lambda: reader_of(pid))
            screen.sees("alice  online")
            screen.type(f"from alice {number}")
            screen.sees(f"alice │ from alice {number}\n")
        driver.is_as("read-on")


def test_a_flood_leaves_the_screen_as_it_must_be(
    tmp_path: Path, request: pytest.FixtureRequest, *, new: bool
) -> None:
    """``--flood 1000000``: as many lines as anybody can send, each of them an attack."""
    count = request.config.getoption("flood")
    with driving(tmp_path, new=new) as driver:
        screen = driver.screen
        pid = int(screen.pane("#{pane_pid}"))
        driver.bob_says("#ops", "before")
        screen.sees("bob │ before\n")
        before = resident(pid) + resident(reader_of(pid))
        attacks = [
            each.replace("\r", "").replace("\n", "").replace("\0", "")[:300] for each in ATTACKS
        ]
        for first in range(0, count, 1000):
            texts = (attacks[number % len(attacks)] for number in range(first, first + 1000))
            driver.bob.send_raw(
                b"".join(
                    b"PRIVMSG #ops :" + text.encode("utf-8", "surrogatepass") + b"\r\n"
                    for text in texts
                )
            )
            driver.bob.sync()
        driver.bob_says("#ops", *(f"calm again {number}" for number in range(20)))
        screen.sees("calm again 19", patience=120)
        driver.is_as("after-the-flood")
        assert resident(pid) + resident(reader_of(pid)) - before < 40_000_000
        screen.type("that was loud")
        screen.sees("alice │ that was loud\n")


def resident(pid: int) -> int:
    """Return the bytes that a process has in memory (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
