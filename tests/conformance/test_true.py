"""What the server says of itself is true: each token of 005 by what it does, each capability.

And the table is complete: every numeric that the server may send has a row.
"""

import time
from collections.abc import Iterator
from itertools import count

import pytest

from chatd_workers.dialects.irc.numerics import NUMERICS
from chatd_workers.dialects.irc.reader import VERBS
from conformance.playing import limits
from conformance.rows_format import rows
from conformance.servers import Servers
from harness import ROOT
from irc_harness import NETWORK, IrcClient, enter

CAPABILITIES = frozenset(
    [
        "account-notify",
        "account-tag",
        "away-notify",
        "batch",
        "cap-notify",
        "chghost",
        "draft/account-registration",
        "draft/chathistory",
        "draft/event-playback",
        "draft/read-marker",
        "echo-message",
        "extended-join",
        "extended-monitor",
        "invite-notify",
        "labeled-response",
        "message-tags",
        "multi-prefix",
        "no-implicit-names",
        "sasl",
        "server-time",
        "setname",
        "standard-replies",
        "userhost-in-names",
    ]
)
"""What clients of today ask for (ircv3.net/registry), without TLS."""

SHOWN = frozenset(code for row in rows() for code in row.shows)

ELSEWHERE = {
    "263": "process/test_authentication.py",
    "276": "process/test_irc_tls.py",
    "456": "conformance/test_true.py",
    "465": "process/test_banning.py",
    "416": "unit/test_hub_whoing.py",
    "671": "process/test_irc_tls.py",
    "901": "process/test_irc_accounts.py",
    "902": "process/test_irc_accounts.py",
}
"""Numerics that take more than clients to be seen, and the tests that see them."""

_nicks = (f"truth{number}" for number in count(1))


@pytest.fixture
def someone(servers: Servers) -> Iterator[IrcClient]:
    with enter(servers.port("usual"), next(_nicks)) as client:
        yield client


def limit(client: IrcClient, token: str) -> int:
    """Return the number that ``token`` of 005 says."""
    return int(client.isupport[token])


def test_every_numeric_has_a_row() -> None:
    for code, test in ELSEWHERE.items():
        assert f'"{code}"' in (ROOT / "tests" / test).read_text()
    shown = SHOWN | set(ELSEWHERE)
    missing = {each.code: name for name, each in NUMERICS.items() if each.code not in shown}
    assert not missing


def test_every_verb_is_said_in_a_row() -> None:
    said = {
        step.partition(" > ")[2].lstrip("@").partition(" ")[0]
        for row in rows()
        for step in row.steps
    }
    assert not set(VERBS) - said - SHOWN


def test_all_capabilities_are_offered_and_can_be_had(servers: Servers) -> None:
    with IrcClient(servers.port("usual")) as client:
        client.send("CAP LS 302")
        offered: dict[str, str] = {}
        while True:
            params = client.expect("CAP", "*", "LS").params
            for cap in params[-1].split():
                name, _, value = cap.partition("=")
                offered[name] = value
            if params[2] != "*":
                break
        assert not CAPABILITIES - set(offered)
        # EXTERNAL needs a certificate: see the tests of TLS.
        assert set(offered["sasl"].split(",")) == {"PLAIN", "SCRAM-SHA-256"}
        for name in sorted(offered):
            client.send(f"CAP REQ :{name}")
            client.expect("CAP", "*", "ACK", name)


def test_a_list_of_capabilities_without_version_is_one_line(servers: Servers) -> None:
    with IrcClient(servers.port("usual")) as client:
        client.send("CAP LS", "CAP LIST")
        caps = client.expect("CAP", "*", "LS").params[2:]
        client.expect("CAP", "*", "LIST")
        assert len(caps) == 1
        assert "=" not in caps[0]
        assert set(caps[0].split()) >= CAPABILITIES - {"cap-notify"}


def test_nicklen(someone: IrcClient) -> None:
    longest = limit(someone, "NICKLEN")
    nick = next(_nicks).ljust(longest, "n")
    someone.send(f"NICK {nick}", f"NICK {nick}n")
    someone.expect("NICK", nick)
    someone.expect("432", nick, f"{nick}n")


def test_channellen(someone: IrcClient) -> None:
    room = f"#{someone.nick}".ljust(limit(someone, "CHANNELLEN"), "x")
    someone.send(f"JOIN {room}")
    someone.expect("JOIN", room)
    someone.sync()
    someone.send(f"JOIN {room}x")
    someone.expect("403", someone.nick, f"{room}x")


def test_topiclen(someone: IrcClient) -> None:
    room, longest = f"#{someone.nick}", limit(someone, "TOPICLEN")
    someone.send(f"JOIN {room}")
    someone.sync()
    someone.send(f"TOPIC {room} :{'t' * longest}", f"TOPIC {room} :{'u' * (longest + 1)}")
    someone.expect("TOPIC", room, "t" * longest)
    someone.expect("TOPIC", room, "u" * longest)


def test_kicklen(someone: IrcClient, servers: Servers) -> None:
    room, longest = f"#{someone.nick}", limit(someone, "KICKLEN")
    someone.send(f"JOIN {room}")
    someone.sync()
    for over in (0, 1):
        with enter(servers.port("usual"), next(_nicks)) as other:
            other.send(f"JOIN {room}")
            other.sync()
            someone.send(f"KICK {room} {other.nick} :{'k' * (longest + over)}")
            assert someone.until("KICK", room, other.nick)[-1].params[2] == "k" * longest


def test_awaylen(someone: IrcClient, servers: Servers) -> None:
    longest = limit(someone, "AWAYLEN")
    someone.send(f"AWAY :{'a' * (longest + 1)}")
    someone.expect("306")
    with enter(servers.port("usual"), next(_nicks)) as other:
        other.send(f"PRIVMSG {someone.nick} :hello")
        other.expect("301", other.nick, someone.nick, "a" * longest)


def test_userlen(servers: Servers) -> None:
    with IrcClient(servers.port("usual")) as client:
        nick = next(_nicks)
        client.send(f"NICK {nick}", f"USER {'u' * 100} 0 * :Somebody")
        client.welcome()
        client.send(f"WHOIS {nick}")
        user = client.expect("311", nick, nick).params[2]
        # The tilde counts (Modern, USERLEN).
        assert user.lstrip("~").strip("u") == ""
        assert len(user) == limit(client, "USERLEN")


def test_chanlimit(someone: IrcClient) -> None:
    most = limits(someone.isupport["CHANLIMIT"])["#"]
    for number in range(most):
        someone.send(f"JOIN #{someone.nick}-{number}")
        someone.expect("JOIN", f"#{someone.nick}-{number}")
        someone.until("366")
    someone.send(f"JOIN #{someone.nick}-more")
    someone.expect("405", someone.nick, f"#{someone.nick}-more")


def test_monitor(someone: IrcClient) -> None:
    most = limit(someone, "MONITOR")
    nicks = [f"nobody{number}" for number in range(most)]
    for start in range(0, most, 20):
        someone.send(f"MONITOR + {','.join(nicks[start : start + 20])}")
    assert {message.verb for message in someone.sync()} == {"731"}
    someone.send("MONITOR + one-more")
    someone.expect("734", someone.nick, str(most), "one-more")


def test_accept(someone: IrcClient, servers: Servers) -> None:
    base = next(_nicks)
    with enter(servers.port("usual"), base) as other:
        # One accepts those who are there; they may go, and are accepted still.
        for number in range(limit(someone, "ACCEPT") + 1):
            assert someone.is_silent()
            other.send(f"NICK {base}-{number}")
            other.expect("NICK", f"{base}-{number}")
            someone.send(f"ACCEPT {base}-{number}")
        someone.expect("456", someone.nick)


def test_targmax(someone: IrcClient) -> None:
    most = limits(someone.isupport["TARGMAX"])
    for verb in ("PRIVMSG", "NOTICE"):
        assert most[verb] > 1
    nicks = [f"nobody{number}" for number in range(most["PRIVMSG"] + 1)]
    someone.send(f"PRIVMSG {','.join(nicks[1:])} :hello")
    assert [message.verb for message in someone.sync()] == ["401"] * most["PRIVMSG"]
    someone.send(f"PRIVMSG {','.join(nicks)} :hello")
    assert "407" in [message.verb for message in someone.sync()]


def test_modes(someone: IrcClient) -> None:
    """As many parameters as are promised are taken in one line, and told in one."""
    room, most = f"#{someone.nick}", limit(someone, "MODES")
    someone.send(f"JOIN {room}")
    someone.sync()
    masks = [f"m{number}!*@*" for number in range(most)]
    someone.send(f"MODE {room} +{'b' * most} {' '.join(masks)}")
    someone.expect("MODE", room, "+" + "b" * most, *masks)


def test_maxlist(someone: IrcClient) -> None:
    room = f"#{someone.nick}"
    someone.send(f"JOIN {room}")
    someone.sync()
    for letter, most in limits(someone.isupport["MAXLIST"]).items():
        for number in range(most):
            someone.send(f"MODE {room} +{letter} full{number}!*@*")
        assert {message.verb for message in someone.sync()} == {"MODE"}
        someone.send(f"MODE {room} +{letter} more!*@*")
        someone.expect("478", someone.nick, room)


def test_chathistory(servers: Servers) -> None:
    with enter(servers.port("usual"), next(_nicks), "draft/chathistory", "batch") as client:
        most, room = limit(client, "CHATHISTORY"), f"#{client.nick}"
        client.send(f"JOIN {room}")
        # A page never splits a millisecond, so those behind it are of another one.
        client.send(*(f"PRIVMSG {room} :line {number}" for number in range(5)))
        client.sync()
        later = time.time_ns() + 2_000_000
        while time.time_ns() < later:
            client.sync()
        client.send(*(f"PRIVMSG {room} :line {number}" for number in range(5, most + 5)))
        client.sync()
        client.send(f"CHATHISTORY LATEST {room} * {most + 5}")
        lines = [message for message in client.sync() if message.verb == "PRIVMSG"]
        assert [line.params[1] for line in lines] == [f"line {n}" for n in range(5, most + 5)]


def test_casemapping(someone: IrcClient, servers: Servers) -> None:
    """In precis, as in ascii, brackets and braces are different (Modern, CASEMAPPING)."""
    assert someone.isupport["CASEMAPPING"] == "precis"
    with (
        enter(servers.port("usual"), "case[]") as one,
        enter(servers.port("usual"), "case{}") as other,
    ):
        one.send("PRIVMSG CASE{} :hello")
        other.expect("PRIVMSG", "case{}", "hello")
        assert one.is_silent()


def test_the_other_tokens(someone: IrcClient) -> None:
    """What other rows rely on, and what is a name."""
    tokens = someone.isupport
    assert tokens["NETWORK"] == NETWORK
    assert tokens["CHANTYPES"] == "#"
    assert tokens["PREFIX"] == "(ov)@+"
    assert {"@", "+"} <= set(tokens["STATUSMSG"])
    lists, keys, limited, flags = tokens["CHANMODES"].split(",")
    assert set("beI") <= set(lists)
    assert "k" in keys
    assert "l" in limited
    assert set("imnst") <= set(flags)
    assert tokens["EXCEPTS"] in {"", "e"}
    assert tokens["INVEX"] in {"", "I"}
    assert set("MNUCT") == set(tokens["ELIST"])
    assert set(tokens["MSGREFTYPES"].split(",")) == {"msgid", "timestamp"}
    assert {"WHOX", "UTF8ONLY", "BOT", "CALLERID"} <= set(tokens)
