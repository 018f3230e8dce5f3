"""A journal that cannot be read for one client: that one is told so, and nothing is half done."""

from typing import Any
from unittest import mock

import pytest

from account_samples import account, answer
from chatd_supervisor import hub
from chatd_supervisor.accounts import AccountBook, NoAccounts
from chatd_supervisor.hub import Rules
from chatd_supervisor.hub.archive import NOTHING
from chatd_supervisor.hub.core import Core
from chatd_supervisor.journal import Fact, JournalError
from chatd_supervisor.journal.accounts import Account
from chatd_supervisor.questions import Derive, Settled
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers.dialects import DIALECTS
from hub_talk import Talk


def apply(talk: Talk, nick: str, line: str) -> None:
    """Have ``nick`` send ``line`` when what must be known first was asked already."""
    talk.lines.clear()
    command = DIALECTS["irc"].read(line.encode())
    assert command is not None
    if isinstance(command, c.Register):
        question = Derive(command.password)
        talk.hub.settled = Settled(question, answer(question))
    talk.outcomes = talk.hub.apply(talk.numbers[nick], command)
    talk.follow()


REFUSED = ":chatd FAIL * TEMPORARILY_UNAVAILABLE :not done: it cannot be looked up at the moment;"
ID = "a" * 22


class Accounts(NoAccounts):
    """Accounts that can be read until they cannot."""

    def __init__(self, readings: int = 0, known: Account | None = None) -> None:
        self.readings = readings
        self.known = known

    def find(self, name: str) -> Account | None:
        if not self.readings:
            raise JournalError("journal.db is damaged")
        self.readings -= 1
        return self.known if self.known is not None and self.known.name == name else None

    def by_certificate(self, _fingerprint: str) -> Account | None:
        raise JournalError("journal.db is damaged")


class Past:
    """A past that cannot be read; all that is not asked for here is empty."""

    def __getattr__(self, name: str) -> Any:
        return getattr(NOTHING, name)

    def once(self, _number: str) -> None:
        raise JournalError("journal.db is damaged")


@pytest.fixture
def talk() -> Talk:
    talk = Talk(Rules(history_on_join=0, require_email=False, min_password_length=3))
    talk.come("bob", caps="chatd/once labeled-response batch message-tags echo-message")
    talk.come("carol")
    talk.come("tom", dialect="text")
    talk.join("#x", "bob", "carol", "tom")
    talk.hub.facts.clear()
    return talk


def test_a_line_with_an_id_is_not_said(talk: Talk) -> None:
    talk.hub.past = Past()
    lines = talk.say("bob", f"@label=1;chatd/once={ID} PRIVMSG #x :hello")
    assert list(lines) == ["bob"]
    assert lines["bob"][0].startswith(REFUSED)
    assert not talk.hub.facts
    # Without an id it need not be looked up.
    assert "carol" in talk.say("bob", "PRIVMSG #x :hello")


@pytest.mark.parametrize(
    "line",
    ["NICK bert", "REGISTER * * sesame", "REGISTER bert * sesame", "NICKSERV IDENTIFY bert sesame"],
)
def test_a_command_that_concerns_accounts_is_not_done(talk: Talk, line: str) -> None:
    talk.hub.accounts = AccountBook(Accounts())
    apply(talk, "bob", line)
    assert [heard.startswith(REFUSED) for heard in talk.lines["bob"]] == [True]
    assert not talk.hub.facts


def test_in_words(talk: Talk) -> None:
    talk.hub.accounts = AccountBook(Accounts())
    assert talk.say("tom", "/nick ted") == {
        "tom": ["--- not done: it cannot be looked up at the moment; try again later"]
    }


def test_sasl_ends_with_its_numeric(talk: Talk) -> None:
    talk.say("bob", "AUTHENTICATE PLAIN")
    talk.hub.accounts = AccountBook(Accounts())
    apply(talk, "bob", "AUTHENTICATE AGFsaWNlAHNlc2FtZQ==")
    assert talk.lines["bob"] == ["904"]
    assert not talk.hub.sessions[talk.numbers["bob"]].record.authenticating


def test_a_user_of_this_machine_comes_in_as_a_guest(talk: Talk) -> None:
    talk.hub.accounts = AccountBook(Accounts())
    talk.numbers["al"] = 9
    talk.apply("al", c.Arrive("text", "h", "al"))
    assert talk.hub.sessions[9].record.registered
    assert not talk.hub.sessions[9].record.account
    assert talk.lines["al"][-1].startswith("--- not done")


@pytest.mark.parametrize("readings", range(8))
@pytest.mark.parametrize(
    "line", ["NICK bert", "REGISTER * * sesame", "NICKSERV IDENTIFY bob sesame"]
)
def test_whenever_it_cannot_be_read_nothing_is_half_done(
    talk: Talk, line: str, readings: int
) -> None:
    """It is done, or refused and nothing is decided, or the whole report is not to be applied."""
    talk.hub.accounts = AccountBook(Accounts(readings, account("bob")))
    try:
        apply(talk, "bob", line)
    except JournalError:
        assert talk.hub.facts
    else:
        refused = talk.lines["bob"][-1].startswith(REFUSED)
        assert not (refused and talk.hub.facts)


def test_what_is_half_decided_already_is_not_to_be_applied(talk: Talk) -> None:
    def decide_and_read(hub: Core, session: Session, _: c.Nothing) -> None:
        hub.note(Fact(session.id, session.nick, "#x", "say", "half"))
        hub.past.once(ID)

    talk.hub.past = Past()
    with mock.patch.dict(hub._ACTIONS, {c.Nothing: decide_and_read}), pytest.raises(JournalError):
        talk.apply("bob", c.Nothing())
