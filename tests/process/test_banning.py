"""chatd ban, unban, exempt and bans: who is kept out, who is put off, and what they are told."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from administered import administered, asked, done, person
from harness import Client, Server, eventually, serving
from irc_harness import Closed, IrcClient


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with administered(tmp_path) as running:
        yield running


def from_elsewhere(server: Server, source: str = "127.0.0.66") -> Client:
    """Connect from another address of the machine."""
    client = Client(server.port, source=source)
    server.clients.append(client)
    return client


def listed(server: Server) -> list[tuple[str, str, bool]]:
    entries = json.loads(done(server, "bans", "--json"))
    return [(entry["kind"], entry["mask"], entry["exempt"]) for entry in entries]


def test_an_address_is_kept_out_whatever_is_killed_until_it_is_let_in(server: Server) -> None:
    alice = server.connect("alice")
    there, elsewhere = from_elsewhere(server), from_elsewhere(server, "127.0.0.1")
    there.send("/nick mallory\n")
    alice.until("mallory")
    said = done(server, "ban", "127.0.0.64/26", "not", "here")
    assert said == "chatd: address 127.0.0.64/26 is banned, 1 client put off\n"
    assert "--- closing: you are banned from this server: not here\n" in there.rest()
    alice.until("--- mallory left #lobby (banned)")
    server.kill_master()
    again = from_elsewhere(server)
    assert again.rest() == "--- closing: you are banned from this server: not here\n"
    with IrcClient(server.ports[0], source="127.0.0.66") as iris:
        [refused] = iris.until_closed()
    assert refused.params == ["Closing Link: you are banned from this server: not here"]
    elsewhere.send("/nick bob\n")
    alice.until("bob")
    assert listed(server) == [("address", "127.0.0.64/26", False)]
    assert done(server, "unban", "127.0.0.64/26") == (
        "chatd: address 127.0.0.64/26 is banned no more\n"
    )
    back = from_elsewhere(server)
    assert back.line().startswith("--- Welcome")
    log = server.log()
    assert "ban set" in log
    assert "ban lifted" in log


def test_bans_hold_through_an_upgrade(server: Server) -> None:
    alice = server.connect("alice")
    done(server, "ban", "127.0.0.66")
    done(server, "exempt", "127.0.0.65")
    before = listed(server)
    os.kill(server.master, signal.SIGUSR2)
    eventually("it has gone on", lambda: "chatd: upgraded " in server.log())
    assert listed(server) == before
    assert from_elsewhere(server).rest().startswith("--- closing: you are banned from this server")
    alice.send("hello\n")
    alice.until("alice : hello")


def test_a_nick_with_wildcards_is_nobodys(server: Server) -> None:
    alice = server.connect("alice")
    spammer = server.connect("spammer")
    said = done(server, "ban", "spam*", "--for", "1h", "no", "adverts")
    assert said == "chatd: nick spam* is banned, 1 client put off\n"
    assert " UTC: no adverts\n" in spammer.rest()
    alice.until("--- spammer left")
    alice.send("/nick Spam2\n")
    alice.until("nick Spam2 is banned from this server: take another one")
    with person(server, "iris") as iris:
        iris.send("NICK spam3")
        [*_, refused] = iris.until("432")
        assert list(refused.params[1:]) == ["spam3", "Nickname is banned from this server"]
        done(server, "exempt", "spam3")
        iris.send("NICK spam3")
        iris.until("NICK", "spam3")


def test_an_account_is_met_when_it_logs_in_and_when_it_is_banned(server: Server) -> None:
    with person(server, "mallory") as mallory:
        mallory.send("REGISTER * * :correct horse battery")
        mallory.until("900")
        assert done(server, "ban", "--account", "mallory", "enough") == (
            "chatd: account mallory is banned, 1 client put off\n"
        )
        [*_, numeric] = mallory.until("465")
        assert numeric.params[-1] == "you are banned from this server: enough"
        with pytest.raises(Closed):
            mallory.until("never")
    with IrcClient(server.ports[0]) as again:
        again.send("CAP REQ :sasl", "NICK other", "USER other 0 * :other")
        again.send("AUTHENTICATE PLAIN")
        again.until("AUTHENTICATE")
        again.send("AUTHENTICATE AG1hbGxvcnkAY29ycmVjdCBob3JzZSBiYXR0ZXJ5")
        again.until("903")
        again.send("CAP END")
        again.until("465")


def test_an_account_that_is_exempt_comes_in_from_where_nobody_else_may(server: Server) -> None:
    with person(server, "ann") as ann:
        ann.send("REGISTER * * :correct horse battery")
        ann.until("900")
    done(server, "exempt", "--account", "ann")
    done(server, "ban", "127.0.0.66")
    with IrcClient(server.ports[0], source="127.0.0.66") as ann:
        ann.send("CAP REQ :sasl", "NICK ann_", "USER ann 0 * :ann", "AUTHENTICATE PLAIN")
        ann.until("AUTHENTICATE")
        ann.send("AUTHENTICATE AGFubgBjb3JyZWN0IGhvcnNlIGJhdHRlcnk=")
        ann.until("903")
        ann.send("CAP END")
        ann.until("001")
    with IrcClient(server.ports[0], source="127.0.0.66") as stranger:
        stranger.send("NICK stranger", "USER stranger 0 * :stranger")
        stranger.until("465")
        with pytest.raises(Closed):
            stranger.until("001")
    # One of the text dialect is somebody at once, and cannot show before who it is.
    nobody = from_elsewhere(server)
    assert nobody.rest() == "--- closing: you are banned from this server\n"


def test_a_ban_ends_by_itself(server: Server) -> None:
    done(server, "ban", "127.0.0.66", "--for", "1s")

    def admitted() -> bool:
        client = from_elsewhere(server)
        first = client.line()
        client.close()
        return first.startswith("--- Welcome")

    assert not admitted()
    eventually("the ban has ended", admitted)
    assert listed(server) == []


def test_whoever_is_exempt_is_let_off_the_limits_as_well(tmp_path: Path) -> None:
    limits = "[exempt]\naddresses = []\n[limits]\nmax_clients_per_ip = 1\n"
    with serving(tmp_path, limits) as server:
        server.connect("alice")
        second = from_elsewhere(server, "127.0.0.1")
        assert "the limit is " in second.rest()
        assert done(server, "exempt", "127.0.0.1") == "chatd: address 127.0.0.1 is exempt\n"
        server.connect("bob")
        assert listed(server) == [("address", "127.0.0.1", True)]
        assert (
            done(server, "unexempt", "127.0.0.1") == "chatd: address 127.0.0.1 is exempt no more\n"
        )
        third = from_elsewhere(server, "127.0.0.1")
        assert "the limit is " in third.rest()
    assert "client refused" in server.log()


@pytest.mark.parametrize(
    ("command", "code", "why"),
    [
        (("ban", "*"), 1, "chatd: * is everybody\n"),
        (("ban", "0.0.0.0/0"), 1, "chatd: 0.0.0.0/0 is everybody\n"),
        (("ban", "192.0.2.1/24"), 1, "has host bits set"),
        (("ban", "a b"), 1, "chatd: a b cannot be a nick\n"),
        (("ban", "alice", "--for", "soon"), 2, "'soon' is no length of time: like 30m"),
        (("ban", "alice", "two\nlines"), 1, "one line without control characters"),
        (("unban", "alice"), 1, "chatd: alice is not banned\n"),
        (("unexempt", "192.0.2.1"), 1, "chatd: 192.0.2.1 is not exempt\n"),
    ],
)
def test_what_cannot_be_done_is_told(
    server: Server, command: tuple[str, ...], code: int, why: str
) -> None:
    refused = asked(server, *command)
    assert refused.returncode == code, refused
    assert why in refused.stderr


def test_a_ban_that_holds_an_address_is_named(server: Server) -> None:
    done(server, "ban", "192.0.2.0/24")
    refused = asked(server, "unban", "192.0.2.7")
    assert refused.stderr == (
        "chatd: 192.0.2.7 is not banned itself; 192.0.2.0/24 is, which holds it\n"
    )
    table = done(server, "bans")
    assert table.splitlines()[0].split() == ["LIST", "KIND", "WHO", "SINCE", "UNTIL", "REASON"]
    assert table.splitlines()[1].split()[:3] == ["ban", "address", "192.0.2.0/24"]
