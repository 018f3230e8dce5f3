"""A NICK before the end of registration: a wish if it belongs to an account, judged at the end."""

import base64
from typing import Any

import pytest

import account_samples
from chatd_supervisor.bans import Ban
from chatd_supervisor.hub import Rules
from chatd_supervisor.journal.accounts import Added, Suspended
from chatd_workers import commands as c
from hub_talk import Talk

PLAIN = base64.b64encode(b"\0alice\0sesame").decode()


@pytest.fixture
def talk() -> Talk:
    """Alice has an account and is not there."""
    talk = Talk(Rules(history_on_join=0))
    talk.hub.accounts.change(Added(account_samples.account("alice")))
    return talk


def connect(talk: Talk, key: str, *lines: str, local_user: str = "") -> list[str]:
    """Let a client of IRC connect and say ``lines``; return what it is sent for the last."""
    talk.numbers[key] = len(talk.numbers) + 1
    talk.apply(key, c.Arrive("irc", "h", local_user))
    return say(talk, key, *lines)


def say(talk: Talk, key: str, *lines: str) -> list[str]:
    heard: dict[str, list[str]] = {}
    for line in lines:
        heard = talk.say(key, line)
    return [
        line for line in heard.get(key, []) if line[:3] in WATCHED or line[0] not in "0123456789"
    ]


WATCHED = frozenset({"001", "464", "432", "433", "900", "903", "906"})

OPENING = ("CAP LS 302", "NICK alice", "USER alice 0 * :Alice")
LOGIN = ("CAP REQ sasl", "AUTHENTICATE PLAIN", f"AUTHENTICATE {PLAIN}")


def log_in(talk: Talk, key: str = "alice") -> None:
    """Connect as WeeChat, catgirl, Limnoria, pydle and others do, and log in."""
    assert connect(talk, key, *OPENING, *LOGIN, "CAP END")[0] == "001"


def nick_of(talk: Talk, key: str) -> str:
    return talk.hub.sessions[talk.numbers[key]].nick


def record(talk: Talk, key: str) -> Any:
    return talk.hub.sessions[talk.numbers[key]].record


def test_the_owner_has_the_nick_of_its_account(talk: Talk) -> None:
    assert connect(talk, "alice", "CAP LS 302") != []
    assert say(talk, "alice", "NICK alice") == []
    assert say(talk, "alice", "USER alice 0 * :Alice") == []
    assert say(talk, "alice", *LOGIN) == ["900 *!~alice@h alice", "903"]
    assert say(talk, "alice", "CAP END")[0] == "001"
    assert nick_of(talk, "alice") == "alice"
    assert record(talk, "alice").wish == ""


@pytest.mark.parametrize("wish", ["alice", "ALICE"])
def test_who_does_not_log_in_is_refused_at_the_end_and_may_try_another(
    talk: Talk, wish: str
) -> None:
    assert connect(talk, "eve", "CAP LS 302", "USER eve 0 * :Eve", f"NICK {wish}") == []
    assert say(talk, "eve", "CAP END") == [f"433 {wish}"]
    assert nick_of(talk, "eve") == ""
    # From then on as for somebody who has not negotiated.
    assert say(talk, "eve", "NICK alice") == ["433 alice"]
    assert say(talk, "eve", "NICK eve")[0] == "001"


def test_who_logs_in_after_the_refusal_has_it_too(talk: Talk) -> None:
    assert connect(talk, "alice", *OPENING, "CAP END") == ["433 alice"]
    say(talk, "alice", "AUTHENTICATE PLAIN", f"AUTHENTICATE {PLAIN}")
    assert say(talk, "alice", "NICK alice")[0] == "001"


def test_who_gives_up_logging_in_is_refused(talk: Talk) -> None:
    connect(talk, "eve", *OPENING, "CAP REQ sasl", "AUTHENTICATE PLAIN")
    assert say(talk, "eve", "CAP END") == ["906", "433 alice"]


def test_without_negotiation_it_is_judged_at_once(talk: Talk) -> None:
    assert connect(talk, "eve", "NICK alice") == ["433 alice"]
    assert connect(talk, "eva", "USER eve 0 * :Eve", "NICK alice") == ["433 alice"]


@pytest.mark.parametrize(
    ("nick", "numeric"),
    [
        ("bob", "433"),  # it has no account that anybody could log in to
        ("NickServ", "433"),
        ("chatd", "433"),
        ("a.b", "432"),
        ("a" * 25, "432"),
    ],
)
def test_what_no_login_could_change_is_refused_at_once(talk: Talk, nick: str, numeric: str) -> None:
    talk.come("bob")
    assert connect(talk, "eve", "CAP LS 302", f"NICK {nick}") == [f"{numeric} {nick}"]


def test_the_last_wish_counts(talk: Talk) -> None:
    assert connect(talk, "eve", *OPENING, "NICK eve", "CAP END")[0] == "001"
    assert nick_of(talk, "eve") == "eve"
    connect(talk, "eva", "CAP LS 302", "USER eve 0 * :Eve", "NICK eva", "NICK alice")
    assert [line[:9] for line in say(talk, "eva", "CAP END")][:2] == ["433 alice", "001"]
    assert nick_of(talk, "eva") == "eva"


def test_a_nick_that_is_banned_is_judged_at_the_end_too(talk: Talk) -> None:
    """For whoever is exempt by its account may be called so."""
    talk.hub.state.bans.set(Ban(kind="nick", mask="ali*", since=0))
    talk.hub.state.bans.set(Ban(kind="account", mask="alice", exempt=True, since=0))
    assert connect(talk, "eve", *OPENING, "CAP END") == ["433 alice"]
    assert connect(talk, "alina", "CAP LS 302", "NICK alina") == []
    assert say(talk, "alina", "USER a 0 * :A", "CAP END") == ["432 alina"]
    assert connect(talk, "alice", *OPENING, *LOGIN, "CAP END")[0] == "001"


def test_a_wish_outlives_the_master(talk: Talk) -> None:
    connect(talk, "alice", *OPENING)
    sessions, _, _ = talk.hub.state.take_changes()
    assert '"wish":"alice"' in dict(sessions)[talk.numbers["alice"]]


def test_register_makes_no_account_of_a_name_that_is_wished_and_owned(talk: Talk) -> None:
    connect(talk, "eve", *OPENING)
    (answer,) = say(talk, "eve", "REGISTER * * secret-1")
    assert answer.startswith(":chatd FAIL REGISTER ACCOUNT_EXISTS alice")


def test_without_ownership_nothing_is_anybodys(talk: Talk) -> None:
    talk.hub.rules = talk.hub.rules._replace(nick_ownership=False)
    talk.come("alice")
    assert connect(talk, "alice2", "CAP LS 302", "NICK alice") == ["433 alice"]
    assert say(talk, "alice2", "USER a 0 * :A", *LOGIN, "NICK alice") == ["433 alice"]


# Ghosts


def test_the_owner_takes_the_nick_from_a_connection_of_its_own(talk: Talk) -> None:
    log_in(talk, "ghost")
    talk.come("bob")
    talk.join("#x", "ghost", "bob")
    connect(talk, "alice", *OPENING, *LOGIN)
    assert nick_of(talk, "ghost") == "alice"
    heard = talk.say("alice", "CAP END")
    assert heard["alice"][0] == "001"
    assert nick_of(talk, "alice") == "alice"
    assert nick_of(talk, "ghost") == "guest1"
    assert heard["bob"] == [":alice NICK guest1"]
    assert heard["ghost"] == [
        ":chatd NOTICE alice :nick alice was taken by its owner from another connection",
        ":alice NICK guest1",
    ]
    assert talk.hub.find("alice") is talk.hub.sessions[talk.numbers["alice"]]


def test_two_of_one_account_do_not_take_it_from_each_other_for_ever(talk: Talk) -> None:
    """The one that has logged in last has it if it wants it."""
    log_in(talk, "ghost")
    talk.hub.now += 1_000_000
    log_in(talk, "alice")
    assert say(talk, "ghost", "NICK alice") == ["433 alice"]
    say(talk, "alice", "NICK away")
    assert say(talk, "ghost", "NICK alice") == [":guest1 NICK alice"]
    assert say(talk, "alice", "NICK alice") == [":away NICK alice"]
    assert say(talk, "ghost", "NICK alice") == ["433 alice"]
    # Logging in again is what a person does on purpose.
    talk.hub.now += 1_000_000
    say(talk, "ghost", "NS IDENTIFY alice sesame")
    assert say(talk, "ghost", "NICK alice") == [":guest1 NICK alice"]


def test_who_identifies_after_it_has_come_takes_it_from_its_ghost(talk: Talk) -> None:
    """As clients without SASL do."""
    log_in(talk, "ghost")
    assert connect(talk, "alice", "NICK alice", "USER alice 0 * :A", "NICK alice_")[0] == "001"
    assert say(talk, "alice", "NICK alice") == ["433 alice"]
    say(talk, "alice", "NS IDENTIFY alice sesame")
    assert say(talk, "alice", "NICK alice") == [":alice_ NICK alice"]
    assert nick_of(talk, "ghost").startswith("guest")


def test_the_owner_takes_it_from_whoever_is_not_logged_in_at_any_time(talk: Talk) -> None:
    talk.hub.rules = talk.hub.rules._replace(nick_ownership=False)
    talk.come("alice")
    talk.numbers["eve"] = talk.numbers.pop("alice")
    talk.hub.rules = talk.hub.rules._replace(nick_ownership=True)
    talk.come("bob")
    say(talk, "bob", *LOGIN)
    assert say(talk, "bob", "NICK alice") == [":bob NICK alice"]
    assert nick_of(talk, "eve") == "guest1"


def test_a_guest_who_identifies_takes_it_too(talk: Talk) -> None:
    log_in(talk, "ghost")
    for key, number in (("nc", 9), ("nc2", 10)):
        talk.numbers[key] = number
        talk.apply(key, c.Arrive("text", "h"))
        talk.say(key, "/identify alice sesame")
        assert nick_of(talk, key) == "alice"
    assert nick_of(talk, "ghost").startswith("guest")
    assert talk.say("nc", "/nick alice") == {"nc": ["--- nick alice is in use"]}


def test_on_unix_sockets_the_one_who_is_there_keeps_it(talk: Talk) -> None:
    assert connect(talk, "first", *OPENING, "CAP END", local_user="alice")[0].startswith("900")
    assert nick_of(talk, "first") == "alice"
    lines = connect(talk, "second", *OPENING, "CAP END", local_user="alice")
    assert [line[:9] for line in lines] == ["900 *!~al", "433 alice"]
    assert say(talk, "second", "NICK alice_")[0] == "001"


def test_a_suspended_account_is_nobodys(talk: Talk) -> None:
    talk.hub.accounts.change(Suspended("alice", suspended=True))
    assert connect(talk, "alice", *OPENING, *LOGIN, "CAP END") == ["433 alice"]


@pytest.mark.parametrize(
    ("given", "known", "is_in"),
    [
        *(("sesame", "sesame", True), ("sesame", "Sesame", False), ("y", "x", False)),
        *(("e\u0301", "\u00e9", True), ("a\u3000b", "a b", True), ("a\ue000", "a\ue000", True)),
        *(("a\ue000", "a", False), ("x" * 400, "x" * 400, True)),
    ],
)
def test_the_servers_password_is_the_same_however_it_is_typed(
    talk: Talk, given: str, known: str, is_in: bool
) -> None:
    talk.hub.rules = talk.hub.rules._replace(password=known)
    lines = connect(talk, "eve", f"PASS :{given}", "NICK eve", "USER eve 0 * :Eve")
    assert lines[0].startswith("001") is is_in
