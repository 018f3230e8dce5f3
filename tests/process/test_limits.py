"""Limits on how much and how fast, met from outside: each costs who meets it, and nobody else."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from harness import CHATD, PATIENCE, Client, Server, eventually, serving

NOBODY_EXEMPT = "[exempt]\naddresses = []\n"

IRC = '[[listen]]\naddress = "127.0.0.1:0"\ndialect = "irc"\n'


def test_whoever_talks_too_fast_is_read_later_and_loses_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, NOBODY_EXEMPT + "[limits]\nmessage_rate = 20\n") as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        alice.until("bob")
        begun = time.monotonic()
        alice.send("".join(f"{n}\n" for n in range(120)))
        # At its own pace, and at once.
        bob.send("hello\n")
        assert bob.until("bob : hello")
        assert time.monotonic() - begun < 1
        assert alice.until("alice : 119")
        # 80 at once, the others 20 a second; it has said one to be called alice.
        assert 1.5 < time.monotonic() - begun < 10
        heard = [line for line in bob.until("alice : 119") if line.startswith("alice : ")]
        assert len(heard) + 1 >= 120 - 80


def test_a_master_that_dies_gives_nobody_more_to_say(tmp_path: Path) -> None:
    config = NOBODY_EXEMPT + "[limits]\nmessage_rate = 5\n"
    with serving(tmp_path, config, supervised=True) as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        bob.send("/help\n")
        bob.until("leave the server")
        begun = time.monotonic()
        alice.send("".join(f"{n}\n" for n in range(200)))
        heard = bob.until("alice : 10")
        for n in range(3):
            os.kill(server.master, signal.SIGKILL)
            time.sleep(0.5)
            bob.send(f"{n}\n")
            heard += bob.until(f"bob : {n}")
        said = [line for line in heard if line.startswith("alice : ")]
        # 20 at once, and then 5 a second.
        assert len(said) <= 20 + 5 * (time.monotonic() - begun)


def test_a_worker_that_dies_gives_nobody_more_to_say(tmp_path: Path) -> None:
    """A successor knows nothing of what was said; the master does."""
    with serving(tmp_path, NOBODY_EXEMPT + "[limits]\nmessage_rate = 5\n") as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        bob.send("/help\n")
        bob.until("leave the server")
        begun = time.monotonic()
        alice.send("".join(f"{n}\n" for n in range(200)))
        heard = bob.until("alice : 10")
        for n in range(8):
            os.kill(server.worker_of("alice"), signal.SIGKILL)
            bob.send(f"{n}\n")
            heard += bob.until(f"bob : {n}")
        # Each of them has looked at what is there, and would have reported 20 lines.
        eventually("the last one is there", lambda: server.worker_of("alice"))
        bob.send("enough\n")
        heard += bob.until("bob : enough")
        said = [line for line in heard if line.startswith("alice : ")]
        assert len(said) <= 20 + 20 + 5 * (time.monotonic() - begun)


def test_bytes_a_second(tmp_path: Path) -> None:
    with serving(tmp_path, NOBODY_EXEMPT + "[limits]\nbyte_rate = 1000\n") as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        begun = time.monotonic()
        alice.send("".join(f"{n} {'x' * 995}\n" for n in range(8)))
        assert bob.until("alice : 7")
        alice.send("more\n")
        # Four thousand at once; what was more than that is earned before the next.
        assert bob.until("alice : more")
        assert time.monotonic() - begun > 3


def test_a_pace_that_is_reloaded_holds_for_those_who_are_there(tmp_path: Path) -> None:
    with serving(tmp_path, NOBODY_EXEMPT + "[limits]\nmessage_rate = 1\n") as server:
        alice = server.connect("alice")
        alice.send("".join(f"{n}\n" for n in range(200)))
        alice.until("alice : 1")
        text = server.config_path.read_text()
        server.config_path.write_text(text.replace("message_rate = 1", "message_rate = 0"))
        os.kill(server.pid, signal.SIGHUP)
        assert alice.until("alice : 199")


def test_connections_a_minute_from_one_address(tmp_path: Path) -> None:
    with serving(tmp_path, NOBODY_EXEMPT + "[limits]\nconnect_rate = 2\n") as server:
        server.connect("alice")
        server.connect("bob")
        third = Client(server.port)
        said = "--- closing: the limit is 2 connections a minute from 127.0.0.1\n"
        assert third.rest() == said
        third.close()


def reload_with(server: Server, old: str, new: str) -> None:
    """Have the server live by its configuration with ``new`` in place of ``old``."""
    text = server.config_path.read_text()
    assert old in text
    fresh = server.config_path.with_suffix(".new")
    fresh.write_text(text.replace(old, new))
    fresh.replace(server.config_path)
    reloads = server.log().count("configuration reloaded")
    os.kill(server.pid, signal.SIGHUP)
    eventually("it is", lambda: server.log().count("configuration reloaded") > reloads)


def inspected(server: Server, nick: str) -> dict[str, Any]:
    done = subprocess.run(
        [CHATD, "inspect", nick, "--json", f"--runtime-dir={server.runtime_dir}"],
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)["session"]
    return found


def test_what_waits_when_a_rate_is_reloaded_waits_by_the_new_one(tmp_path: Path) -> None:
    with serving(tmp_path, NOBODY_EXEMPT + "[limits]\nbyte_rate = 2\n") as server:
        alice = server.connect("alice")
        # For this it would have to wait for minutes.
        alice.send("x" * 1000 + "\n")
        alice.until("alice : xxx")
        alice.send("more\n")
        eventually("it waits", lambda: inspected(server, "alice")["worker"]["reporting"])
        reload_with(server, "byte_rate = 2\n", "byte_rate = 100000\n")
        assert alice.until("alice : more")


def test_whoever_is_exempt_comes_as_often_as_it_likes(tmp_path: Path) -> None:
    limits = "[limits]\nconnect_rate = 1\nmax_clients_per_ip = 1\n"
    with serving(tmp_path, NOBODY_EXEMPT + limits) as server:
        server.connect("alice")
        second = Client(server.port)
        assert second.rest() == "--- closing: the limit is 1 connection from 127.0.0.1\n"
        second.close()
        reload_with(server, NOBODY_EXEMPT, '[exempt]\naddresses = ["127.0.0.0/30"]\n')
        for nick in ("bob", "carol", "dave"):
            server.connect(nick)
        elsewhere = [Client(server.port, source="127.0.0.5") for _ in range(2)]
        assert elsewhere[0].line().startswith("--- Welcome")
        assert elsewhere[1].rest() == "--- closing: the limit is 1 connection from 127.0.0.5\n"
        for each in elsewhere:
            each.close()
        # By default this machine is.
        reload_with(server, '[exempt]\naddresses = ["127.0.0.0/30"]\n', "")
        for each in (Client(server.port, source="127.0.0.5") for _ in range(2)):
            assert each.line().startswith("--- Welcome")
            each.close()


def test_a_client_of_irc_that_does_not_introduce_itself_is_let_go(tmp_path: Path) -> None:
    with serving(tmp_path, IRC + "[limits]\nregistration_timeout = 0.5\n") as server:
        silent, alice = Client(server.port), Client(server.port)
        alice.send("NICK alice\r\nUSER alice 0 * :Alice\r\n")
        alice.until(" 001 alice ")
        assert silent.rest() == "ERROR :Closing Link: not introduced within 0.5 s\r\n"
        silent.close()
        alice.send("PING here\r\n")
        assert alice.until("PONG")
        half = Client(server.port)
        half.send("NICK bob\r\n")
        eventually("it is there", lambda: len(server.ask("ps")) == 2)
        server.kill_master()
        server.again()
        eventually("the next master is ready", server.is_ready)
        # The time begins anew with another master, for those who have not used theirs.
        assert "not introduced" in half.rest()
        half.close()
        alice.send("PING still\r\n")
        assert alice.until("still")
        alice.close()


def keepalive_timers(server: Server) -> list[str]:
    """Return the timer of each of the server's connections, "" for none, as ss(8) shows it."""
    shown = subprocess.run(
        ["ss", "-Htno", "state", "established", f"sport = :{server.port}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout
    timers = (re.search(r"timer:\((\S+)\)", line) for line in shown.splitlines())
    return [timer[1] if timer else "" for timer in timers]


def test_tcp_asks_whether_a_silent_client_is_there(tmp_path: Path) -> None:
    with serving(tmp_path, "[limits]\nkeepalive = 40\n") as server:
        server.connect("alice")
        # First there is another timer: for what alice has not acknowledged yet.
        asked = eventually(
            "it is set",
            lambda: re.fullmatch(r"keepalive,(\d+)(?:\.\d+)?sec,0", keepalive_timers(server)[0]),
        )
        assert asked
        assert 30 < int(asked[1]) <= 40
        # A reload holds for those who come.
        text = server.config_path.read_text()
        server.config_path.write_text(text.replace("keepalive = 40", "keepalive = 0"))
        os.kill(server.pid, signal.SIGHUP)
        eventually("it is reloaded", lambda: "reloaded" in server.log())
        server.connect("bob")
        eventually(
            "nobody asks for bob",
            lambda: (
                sorted(each.partition(",")[0] for each in keepalive_timers(server))
                == ["", "keepalive"]
            ),
        )


def test_whoever_says_nothing_for_long_is_let_go(tmp_path: Path) -> None:
    with serving(tmp_path, "[limits]\nidle_timeout = 2\n") as server:
        silent, alice = server.connect("silent"), server.connect("alice")
        for number in range(30):
            alice.send(f"{number}\n")
            if "said nothing for long" in "".join(alice.until(f"alice : {number}")):
                break
            time.sleep(0.1)
        assert silent.rest().endswith("--- closing: you have said nothing for 2 s\n")


def test_whoever_comes_and_goes_too_often_in_rooms_is_told_to_wait(tmp_path: Path) -> None:
    with serving(tmp_path, "[limits]\njoin_rate = 3\nnick_rate = 2\n") as server:
        alice = server.connect("alice")
        alice.send("".join(f"/join r{n}\n" for n in range(4)))
        alice.until("--- too much at once, JOIN not done: try again in a while")
        alice.send("/nick al\n/nick alicia\n/nick ally\n")
        alice.until("alicia")
        alice.until("--- too much at once, NICK not done: try again in a while")
        # It is each client's own.
        bob = server.connect("bob")
        bob.send("/join r2\nwho is here?\n")
        alice.until("bob : who is here")


def wait_for_deaths(server: Server, count: int) -> None:
    eventually("it is seen", lambda: server.log().count("worker died") == count)


def test_an_address_whose_workers_keep_dying_is_kept_out(tmp_path: Path) -> None:
    limits = NOBODY_EXEMPT + "[limits]\nmax_crashes = 2\ncrash_penalty = 3\n"
    with serving(tmp_path, limits) as server:
        crashing, alice = Client(server.port, source="127.0.0.66"), server.connect("alice")
        server.clients.append(crashing)
        crashing.send("/nick crashing\n")
        alice.until("crashing")
        for died in range(1, 4):
            os.kill(server.worker_of("crashing"), signal.SIGSEGV)
            wait_for_deaths(server, died)
        another = Client(server.port, source="127.0.0.66")
        server.clients.append(another)
        assert another.rest() == (
            "--- closing: what came from 127.0.0.66 has crashed too much here,"
            " come back in 1 minute\n"
        )
        server.connect("bob")
        crashing.send("here I am\n")
        alice.until("crashing : here I am")

        def admitted() -> bool:
            client = Client(server.port, source="127.0.0.66")
            server.clients.append(client)
            return client.line().startswith("--- Welcome")

        eventually("it is let in again", admitted)
        assert "address kept out" in server.log()
