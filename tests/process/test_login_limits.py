"""Whoever guesses over real connections is held up, the owner is not, and is told."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_supervisor.account_editing import editing, new_account
from chatd_supervisor.hashing import derive
from chatd_supervisor.login_limits import FREE
from chatd_supervisor.passwords import NICENESS, TITLE
from harness import Server, eventually, serving
from irc_people import Irc

CONFIG = """
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
proxy_protocol = true
[accounts]
accounts_per_network = 2
"""

HERE, THERE, HOME, NEIGHBOUR = "192.0.2.7", "198.51.100.7", "2001:db8::1", "2001:db8::2"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, CONFIG, supervised=True) as running:
        with editing(running.state_dir / "journal.db") as editor:
            editor.change(new_account("alice", derive("sesame")))
        yield running


def person(server: Server, host: str, nick: str) -> Irc:
    """Return somebody who has come through the proxy from ``host``."""
    client = Irc(server.ports[1])
    server.clients.append(client)
    client.say(f"PROXY TCP{6 if ':' in host else 4} {host} {host} 1 2")
    return client.enter(nick)


def test_guesses_are_held_up_and_the_owner_is_at_home(server: Server) -> None:
    home = person(server, HOME, "al")
    assert home.log_in("alice", "sesame") == "903"
    for n in range(FREE):
        guesser = person(server, HERE, f"m{n}")
        guess = guesser.log_in_with_scram if n % 2 else guesser.log_in
        assert guess("alice", "wrong") == "904"
        guesser.say("QUIT")
        guesser.rest()

    def is_held_up() -> bool:
        # On a machine that is busy the first waits may be over by now; they double.
        stranger = person(server, THERE, "stranger")
        stranger.say("NS IDENTIFY alice wrong")
        said = stranger.until(" 464 ")[-1]
        stranger.say("QUIT")
        stranger.rest()
        return "Too many failed logins to this account: try again in " in said

    eventually("strangers are held up", is_held_up)
    assert told_at_home(server) >= FREE
    # The next master knows that she is here.
    server.kill_master()
    eventually("the next master", server.is_ready)
    again = person(server, HERE, "again")
    for _ in range(FREE):
        assert again.log_in("alice", "wrong") == "904"
    assert told_at_home(server) == FREE


def told_at_home(server: Server) -> int:
    """Log in from where Alice is at home; return how many failures she is told of."""
    neighbour = person(server, NEIGHBOUR, "neighbour")
    assert neighbour.log_in("alice", "sesame") == "903"
    told = " ".join(neighbour.sync())
    neighbour.say("QUIT")
    neighbour.rest()
    found = re.search(r"(\d+) failed logins? to alice since you last logged in", told)
    return int(found[1]) if found else 0


def test_a_network_makes_so_many_accounts(server: Server) -> None:
    for n, host in enumerate((HOME, NEIGHBOUR, HOME)):
        maker = person(server, host, f"maker{n}")
        maker.say("REGISTER * * open-sesame")
        (said,) = maker.until("REGISTER ")
        assert ("SUCCESS" in said) is (n < 2)
    assert said.split(" ", 1)[1].startswith("FAIL REGISTER TEMPORARILY_UNAVAILABLE * :your network")
    other = person(server, HERE, "other")
    other.say("REGISTER * * open-sesame")
    assert "SUCCESS" in other.until("REGISTER ")[-1]


def test_a_check_is_nicer_than_the_master(server: Server) -> None:
    alice = person(server, HERE, "al")
    for _ in range(20):
        alice.say("AUTHENTICATE PLAIN", "AUTHENTICATE AGFsaWNlAHNlc2FtZQ==")
    ours = os.getpriority(os.PRIO_PROCESS, server.master)

    def niceness() -> int:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                pid = int(entry.parent.name)
                is_check = entry.read_bytes().startswith(TITLE.encode())
                if is_check and os.getpgid(pid) in server.groups:
                    return os.getpriority(os.PRIO_PROCESS, pid) - ours
            except OSError:
                continue
        return 0

    assert eventually("a check", niceness) == min(NICENESS, 19 - ours)
