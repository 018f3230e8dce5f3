"""Rooms that last: whose they are, who is what in them, and that they stay."""

import pytest

import account_samples
from chatd_supervisor.hub import OperatorBlock, Rules
from chatd_supervisor.journal.accounts import Added, Removed
from hub_talk import Talk

RULES = Rules(
    history_on_join=0,
    list_entries=1,
    kept_rooms_per_account=3,
    operators=(OperatorBlock("root", "sesame", ("rooms",)),),
)


@pytest.fixture
def talk() -> Talk:
    """Alice has made #x and had it kept; Bob is in it; Carol and Tom are not."""
    talk = Talk(RULES)
    for name in ("alice", "bob", "carol", "tom"):
        talk.come(name, dialect="text" if name == "tom" else "irc", account=name)
        talk.hub.accounts.change(Added(account_samples.account(name)))
    talk.join("#x", "alice", "bob")
    talk.say("alice", "CHANREG #x")
    return talk


def test_a_room_is_kept_by_who_is_its_operator_and_logged_in() -> None:
    talk = Talk(RULES)
    talk.come("alice")
    talk.come("bob", account="bob")
    talk.join("#x", "alice", "bob")
    assert talk.say("alice", "CHANREG #x") == {
        "alice": [":chatd NOTICE alice :you are not logged in to an account"]
    }
    assert talk.say("bob", "CHANREG #x") == {"bob": ["482 #x"]}
    assert talk.say("bob", "CHANREG #y") == {"bob": ["403 #y"]}
    talk.say("alice", "MODE #x +o bob")
    assert talk.say("bob", "CHANREG #x") == {
        "bob": [":chatd NOTICE bob :room #x lasts now, and is yours"]
    }
    assert talk.hub.rooms["#x"].record.founder == "bob"
    assert talk.say("bob", "CHANREG #x") == {
        "bob": [":chatd NOTICE bob :room #x is kept already, for bob"]
    }


def test_it_stays_with_what_was_set_in_it_and_its_founder_is_its_operator(talk: Talk) -> None:
    talk.say("alice", "MODE #x +m")
    talk.say("alice", "PART #x")
    talk.say("bob", "PART #x")
    assert talk.hub.rooms["#x"].record.modes == "mnt"
    lines = talk.say("bob", "JOIN #x")["bob"]
    assert lines[:2] == [":bob JOIN #x", "353 = #x"]
    heard = talk.say("alice", "JOIN #x")
    assert heard["bob"] == [":alice JOIN #x", ":chatd MODE #x +o alice"]
    assert heard["alice"][:2] == heard["bob"]


def test_a_status_for_good(talk: Talk) -> None:
    heard = talk.say("alice", "CHANACCESS #x bob v")
    assert heard["alice"][0] == (
        ":chatd NOTICE alice :bob is given its status whenever it comes into #x"
    )
    assert heard["bob"] == [":alice MODE #x +v bob"]
    talk.say("bob", "PART #x")
    assert talk.say("bob", "JOIN #x")["alice"] == [":bob JOIN #x", ":chatd MODE #x +v bob"]
    heard = talk.say("alice", "CHANACCESS #x bob o")
    assert heard["bob"] == [":alice MODE #x -v+o bob bob"]
    assert [fact.text for fact in talk.hub.facts if fact.kind == "status"] == [
        "+v bob",
        "-v+o bob bob",
    ]
    heard = talk.say("alice", "CHANACCESS #x bob")
    assert heard["bob"] == [":alice MODE #x -o bob"]
    assert talk.hub.rooms["#x"].record.access == {}


@pytest.mark.parametrize(
    ("who", "line", "answer"),
    [
        ("bob", "CHANACCESS #x bob o", "only whoever had #x kept can do that"),
        ("bob", "CHANREG #x OFF", "only whoever had #x kept can do that"),
        ("carol", "CS DROP #x", "only whoever had #x kept can do that"),
        ("alice", "CHANACCESS #x nobody o", "there is no account nobody"),
    ],
)
def test_only_the_founder_says_who(talk: Talk, who: str, line: str, answer: str) -> None:
    assert talk.say(who, line) == {who: [f":chatd NOTICE {who} :{answer}"]}


def test_a_secret_room_is_there_for_its_founder_alone(talk: Talk) -> None:
    talk.say("alice", "MODE #x +s")
    talk.say("alice", "PART #x")
    assert talk.say("carol", "CHANREG #x OFF") == {"carol": ["403 #x"]}
    assert talk.say("carol", "CHANACCESS #x carol o") == {"carol": ["403 #x"]}
    assert talk.say("alice", "CHANREG #x OFF") == {
        "alice": [":chatd NOTICE alice :room #x is kept no more"]
    }


def test_there_are_limits(talk: Talk) -> None:
    talk.say("alice", "CHANACCESS #x bob o")
    assert talk.say("alice", "CHANACCESS #x carol o") == {"alice": ["478 #x access"]}
    assert talk.say("alice", "CHANACCESS #x bob x") == {"alice": ["472 x"]}
    talk.say("alice", "PART #x")
    for room in ("#a", "#b", "#c"):
        talk.join(room, "alice")
        talk.say("alice", f"CHANREG {room}")
    assert not talk.hub.rooms["#c"].record.founder
    assert talk.lines == {
        "alice": [
            ":chatd NOTICE alice :not kept: account alice has as many rooms kept as it may have"
        ]
    }


def test_a_room_is_let_go(talk: Talk) -> None:
    talk.say("alice", "CHANACCESS #x bob o")
    talk.say("alice", "PART #x")
    assert talk.say("alice", "CHANREG #x OFF") == {
        "alice": [":chatd NOTICE alice :room #x is kept no more"]
    }
    talk.say("bob", "PART #x")
    assert "#x" not in talk.hub.rooms
    talk.join("#y", "bob")
    assert talk.say("bob", "CHANREG #y OFF") == {"bob": [":chatd NOTICE bob :room #y is not kept"]}


def test_one_that_is_empty_goes_at_once(talk: Talk) -> None:
    talk.say("alice", "PART #x")
    talk.say("bob", "PART #x")
    talk.say("alice", "CHANREG #x OFF")
    assert "#x" not in talk.hub.rooms


def test_an_operator_of_the_server_can_take_the_founders_place(talk: Talk) -> None:
    talk.say("carol", "OPER root sesame")
    assert talk.say("carol", "CHANREG #x OFF") == {
        "carol": [":chatd NOTICE carol :room #x is kept no more"]
    }


def test_who_logs_in_when_in_it_already_has_its_status_then(talk: Talk) -> None:
    talk.say("alice", "CHANACCESS #x carol v")
    talk.come("dave")
    talk.join("#x", "dave")
    heard = talk.say("dave", "NS IDENTIFY carol sesame")
    assert heard["alice"] == [":chatd MODE #x +v dave"]
    assert talk.say("dave", "NS IDENTIFY carol sesame")["dave"] == ["900 dave!~dave@h carol"]


def test_for_those_who_read_lines(talk: Talk) -> None:
    assert talk.say("tom", "/keep") == {"tom": ["--- only operators of #lobby can do that"]}
    talk.join("#t", "tom")
    assert talk.say("tom", "/keep") == {"tom": ["--- room #t lasts now, and is yours"]}
    talk.come("eve", dialect="text")
    talk.join("#t", "eve")
    assert talk.say("tom", "/access eve") == {"tom": ["--- there is no account eve"]}
    talk.say("eve", "/identify carol sesame")
    heard = talk.say("tom", "/access eve voice")
    assert heard["tom"] == [
        "--- carol is given its status whenever it comes into #t",
        "--- tom set #t: voice eve",
    ]
    assert talk.say("tom", "/access carol none")["tom"] == [
        "--- carol has no lasting status in #t any more",
        "--- tom set #t: devoice eve",
    ]
    assert talk.say("tom", "/release") == {"tom": ["--- room #t is kept no more"]}


def test_nothing_is_left_of_an_account_that_is_no_more(talk: Talk) -> None:
    talk.join("#y", "bob")
    talk.say("bob", "CHANREG #y")
    talk.say("bob", "CHANACCESS #y alice o")
    talk.say("alice", "PART #x")
    talk.say("bob", "PART #x")
    talk.hub.accounts.change(Removed("alice"))
    talk.hub.account_changed("alice")
    assert "#x" not in talk.hub.rooms
    assert talk.hub.rooms["#y"].record.access == {}


def test_whoever_makes_an_account_anew_gets_nothing_of_the_old_one(talk: Talk) -> None:
    # Removed while the server was told nothing.
    talk.hub.accounts.change(Removed("alice"))
    talk.say("alice", "QUIT")
    talk.come("mallory")
    talk.say("mallory", "REGISTER alice * sesame")
    assert talk.hub.rooms["#x"].record.founder == ""
