"""Who looks like whom: skeletons, and what the hub refuses for them."""

import sys
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import account_samples
from chatd_supervisor.account_editing import editing
from chatd_supervisor.accounts import AccountBook
from chatd_supervisor.hub import Rules
from chatd_supervisor.journal import Arrival, Fact, Snapshot, StoredSession, Stream
from chatd_supervisor.journal.accounts import Added, Removed
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.lookalikes import skeletons
from chatd_supervisor.state import State
from chatd_workers import commands as c
from chatd_workers.names import fold, is_nick
from hub_talk import Talk

# Written by their names, for nobody sees the difference.
ALICE = "\u0430\u04cf\u0456\u0441\u0435"
"""In Cyrillic letters alone."""
HOPA = "\u041d\u041e\u0420\u0410"
"""Looks like HOPA; as small letters like nothing in Latin."""
SCOPE = "\u0455\u0441\u043e\u0440\u0435"
LISU = "\ua4ee\ua4e1\ua4f2\ua4da\ua4f0"
"""ALICE, in the script of the Lisu."""


def alike(one: str, other: str) -> bool:
    return not skeletons(one).isdisjoint(skeletons(other))


@pytest.mark.parametrize(
    ("disguise", "name"),
    [
        (ALICE, "alice"),
        (ALICE.title(), "ALICE"),
        (HOPA, "hopa"),
        (SCOPE, "Scope"),
        (LISU, "alice"),
        ("\u13aa\u13a0b".upper(), "ADb"),
        ("\u03bf\u03bd\u03bf", "ovo"),
        (f"#{SCOPE}", "#scope"),
        ("\u0441\u043e_1", "co_1"),
        ("d\u00f8", "d\u00f8"),
    ],
)
def test_what_looks_alike(disguise: str, name: str) -> None:
    assert alike(disguise, name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "alicf"),
        # What reads as ASCII is told apart by those who read it.
        *(("bob1", "bobl"), ("modern", "modem"), ("b0b", "bob")),
        *(("\u00e9lodie", "elodie"), ("stra\u00dfe", "strase")),
        ("\u0438\u0432\u0430\u043d", "ivan"),
    ],
)
def test_what_does_not(one: str, other: str) -> None:
    assert not alike(one, other)


possible = [char for char in map(chr, range(128, sys.maxunicode + 1)) if is_nick(char)]


@given(st.text(st.sampled_from(possible), min_size=1, max_size=6).filter(is_nick))
def test_every_spelling_of_a_name_looks_like_it(name: str) -> None:
    assert alike(name, fold(name))
    assert alike(name, unicodedata.normalize("NFD", name))


# In the hub


@pytest.fixture
def talk() -> Talk:
    """There are accounts of alice, and of somebody in Greek letters."""
    talk = Talk(Rules(history_on_join=0, min_password_length=3))
    for name in ("alice", "\u03bf\u03bd\u03bf"):
        talk.hub.accounts.change(Added(account_samples.account(name)))
    talk.come("bob", "carol")
    return talk


def test_a_mixture_is_nobodys_name_unless_configured(talk: Talk) -> None:
    mixed = "b\u043eb"
    assert talk.say("bob", f"NICK {mixed}x") == {"bob": [f"432 {mixed}x"]}
    assert talk.say("bob", f"JOIN #{mixed}") == {"bob": [f"403 #{mixed}"]}
    (answer,) = talk.say("bob", f"REGISTER {mixed} * sesame")["bob"]
    assert answer.endswith("has letters of several scripts in one word")
    talk.hub.rules = talk.hub.rules._replace(mixed_scripts=True)
    assert talk.say("bob", f"NICK {mixed}x")["bob"] == [f":bob NICK {mixed}x"]
    assert talk.say("bob", f"JOIN #{mixed}")["bob"][0] == f":{mixed}x JOIN #{mixed}"
    # That is no disguise of an account.
    assert talk.say("bob", "NICK \u0430lice") == {"bob": ["433 \u0430lice"]}


@pytest.mark.parametrize("nick", [ALICE, LISU, "ovo"])
def test_nobody_is_called_so_that_he_looks_like_an_account(talk: Talk, nick: str) -> None:
    assert talk.say("bob", f"NICK {nick}") == {"bob": [f"433 {nick}"]}


def test_but_its_owner_is(talk: Talk) -> None:
    talk.hub.change(talk.hub.sessions[talk.numbers["bob"]], "test", account="alice")
    assert talk.say("bob", f"NICK {ALICE}")["bob"] == [f":bob NICK {ALICE}"]


@pytest.mark.parametrize("name", [ALICE, "ovo"])
def test_no_account_is_made_that_looks_like_another(talk: Talk, name: str) -> None:
    (answer,) = talk.say("bob", f"REGISTER {name} * sesame")["bob"]
    assert answer.startswith(":chatd FAIL REGISTER BAD_ACCOUNT_NAME")
    assert talk.hub.accounts.find(name) is None


def test_who_looks_like_a_new_account_is_called_otherwise(talk: Talk) -> None:
    assert talk.say("bob", f"NICK {SCOPE}")["bob"] == [f":bob NICK {SCOPE}"]
    talk.say("carol", "NICK scope")
    heard = talk.say("carol", "REGISTER * * sesame")
    assert heard["bob"][-1].startswith(f":{SCOPE} NICK guest")
    assert talk.hub.sessions[talk.numbers["carol"]].nick == "scope"


def test_services_have_no_doubles(talk: Talk) -> None:
    """NICKSERV in the script of the Lisu: people tell that one their passwords."""
    double = "\ua4e0\ua4f2\ua4da\ua4d7\ua4e2\ua4f0\ua4e3\ua4e6"
    assert talk.say("bob", f"NICK {double}") == {"bob": [f"433 {double}"]}


def test_no_room_looks_like_one_that_lasts(talk: Talk) -> None:
    lobby = "#l\u043ebby"  # a mixture
    assert talk.say("bob", f"JOIN {lobby}") == {"bob": [f"403 {lobby}"]}
    for kept, double in (("#scope", f"#{SCOPE}"), ("#\u0441\u0430\u0440", "#cap")):
        talk.join(kept, "carol")
        talk.hub.change_in(talk.hub.sessions[talk.numbers["carol"]], kept, "keep", founder="alice")
        assert talk.say("bob", f"JOIN {double}") == {"bob": [f"403 {double}"]}
        assert talk.say("bob", f"JOIN {kept}")["bob"][0] == f":bob JOIN {kept}"


# In the journal


def test_the_index_follows_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    with closing(SqliteJournal(path)) as journal:
        book = AccountBook(journal.accounts)
        assert book.alike("scope") is None
        # By a command beside the server.
        with editing(path) as editor:
            editor.change(Added(account_samples.account(SCOPE)))
        found = book.alike("scope")
        assert found is not None
        assert found.name == SCOPE
        assert book.alike(SCOPE) is None  # it is the account itself
        # By this tick, and when it is taken back.
        book.change(Removed(SCOPE))
        assert book.alike("scope") is None
        book.forget()
        assert book.alike("scope") is not None


@pytest.mark.parametrize("name", ["\u3164", "\uff41", "\u115f", "a\u3164"])
def test_names_of_before_still_load_and_serve(name: str) -> None:
    """Blank, mixed, or another form: who is there with one stays, and so does its account."""
    assert not is_nick(name)
    old = State()
    old.apply(Fact(7, name, f"#{name}", "arrive", "irc", '{"registered":true,"user":"~a"}'))
    ((_, record),), ((_, room),), _ = old.take_changes()
    stored = StoredSession(Arrival(7, "", "irc", 0), record, Stream(7, 0, False, b"", 0))
    talk = Talk()
    talk.hub.state = State.restored(Snapshot(0, 0, [stored], [room], 1, 0, []))
    talk.numbers["old"] = 7
    talk.numbers["new"] = 8
    talk.hub.accounts.change(Added(account_samples.account(name)))
    assert talk.say("old", f"PRIVMSG {name} :\u3164 said to myself") == {
        "old": [f":{name} PRIVMSG {name} :\u3164 said to myself"]
    }
    talk.say("old", f"NS IDENTIFY {name} sesame")
    assert talk.hub.sessions[7].record.account == name
    talk.apply("new", c.Arrive("irc", "h"))
    assert talk.say("new", f"NICK {name}") == {"new": [f"432 {name}"]}
