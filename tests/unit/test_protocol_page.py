"""chatd-protocol(7) says what the text dialect's tables say."""

import re
from pathlib import Path

import pytest

from chatd_workers import events as e
from chatd_workers.dialects import text_modes
from chatd_workers.dialects.irc.modes import ROOM_MODES
from chatd_workers.dialects.text import VERBS, write
from chatd_workers.names import PUNCTUATION
from chatd_workers.problems import COMMON, NOTICES, confirm

PAGE = (Path(__file__).resolve().parents[2] / "man" / "chatd-protocol.7").read_text("utf-8")
LINES = set(PAGE.replace("\\e", "\\").splitlines())

PAST = (
    e.Past(1795_429_920_000_000, "alice", "say", "good morning"),
    e.Past(1795_429_980_000_000, "alice", "act", "waves"),
    e.Past(1795_429_990_000_000, "alice", "topic", "tea at four"),
)

VALUES = {
    "line-too-long": "8192",
    "line-crashed": "...",
    "unknown-command": "/x",
    "missing-nick": "/nick NAME",
    "missing-room": "/join ROOM [KEY]",
    "missing-text": "/msg NICK TEXT",
    "nick-too-long": "24",
    "room-too-long": "32",
    "room-invalid": "#x",
    "room-unknown": "#x",
    "rooms-full": "1000",
    "network-rooms-full": "200",
    "kept-rooms-full": "bob",
    "already-there": "#lobby",
    "not-a-count": "/history [N]",
    "not-named": "guest1",
    "search-empty": "...",
    "in-lobby": "#lobby",
    "topic-too-long": "300",
    "missing-password": "/identify [ACCOUNT] PASSWORD",
    "missing-modes": "...",
    "not-on-room": "bob",
    "stays-in-lobby": "bob",
    "already-on-room": "bob",
    "only-accepted": "bob",
    "only-logged-in": "bob",
    "nick-reserved": "bob",
    "room-alike": "#x",
    "room-mixed": "#x",
    "unknown-mode": "x",
    "invalid-mode-parameter": "l none",
    "list-full": "b",
    "no-privilege": "die",
    "try-again": "/keep",
    "account-exists": "bob",
    "account-invalid": "x",
    "account-unknown": "bob",
    "account-present": "bob",
    "password-weak": "...",
    "password-invalid": "...",
    "password-unchecked": "...",
    "account-suspended": "bob",
    "room-kept-already": "bob",
    "account-paused": "15 minutes",
    "network-paused": "15 minutes",
    "register-paused": "15 minutes",
    "accounts-unavailable": "...",
    "accounts-many": "5 hours",
}

DONE = {"away": "lunch", "failed-logins": "3 failed logins to bob"}


@pytest.mark.parametrize("problem", COMMON)
def test_every_refusal_stands_there_as_it_is_sent(problem: str) -> None:
    sentence = write(e.Refused(problem, VALUES.get(problem, "x"), "#x")).decode().rstrip("\n")
    assert sentence in LINES


@pytest.mark.parametrize("notice", NOTICES)
def test_every_confirmation_stands_there(notice: str) -> None:
    assert f"--- {confirm(notice, DONE.get(notice, 'bob'), '#x')}" in LINES


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_its_item(verb: str) -> None:
    _, _, usage = VERBS[verb].usage.lower().partition(" ")
    tail = ""
    for optional, needed in re.findall(r"(\[[^]]*]+)|([^[]+)", usage):
        if optional:
            tail += f" Op Ar {re.sub('[][]', '', optional)}"
        elif needed.strip():
            tail += f" Ar {needed.strip()}"
    assert f".It Ic {verb}{tail}" in LINES


@pytest.mark.parametrize("word", [*text_modes.FLAGS, *text_modes.SETTINGS])
def test_every_word_of_mode_has_its_item(word: str) -> None:
    summary = ROOM_MODES[(text_modes.FLAGS | text_modes.SETTINGS)[word]].summary
    assert f".It Cm {word}\n{summary[0].upper()}{summary[1:]}.\n" in PAGE


@pytest.mark.parametrize("word", [*text_modes.MASKS, *text_modes.MEMBERS])
def test_every_word_of_mode_that_can_be_taken_back_is_told(word: str) -> None:
    letter, add = (text_modes.MASKS | text_modes.MEMBERS)[word]
    summary = ROOM_MODES[letter].summary
    item = f".It Cm {word}\n{summary[0].upper()}{summary[1:]}.\n"
    assert item in PAGE if add else re.search(rf"^\.Cm .*\b{word}\b", PAGE, re.MULTILINE)


MASKS = (("mallory!*@*", "alice!alice@192.0.2.1", 1), ("*!*@192.0.2.7", "alice!a@192.0.2.1", 1))
SET = (("+", "m", ""), ("+", "o", "bob"), ("+", "b", "mallory!*@*"), ("-", "k", "*"))


@pytest.mark.parametrize(
    "event",
    [
        e.Welcomed("chatd", "guest1", "#lobby", "tea at four", ("alice", "bob"), 3),
        e.Joined(e.Source("alice"), "#lobby"),
        e.Left(e.Source("alice"), "#lobby", "connection closed"),
        e.Renamed(e.Source("guest1"), "alice"),
        e.TopicChanged(e.Source("alice"), "#lobby", "tea at four"),
        e.TopicChanged(e.Source("alice"), "#lobby", ""),
        e.TopicShown("#lobby", ""),
        e.ModesChanged(e.Source("alice"), "#ops", SET),
        e.Kicked(e.Source("alice"), "#ops", "bob", "enough"),
        e.Invited(e.Source("alice"), "bob", "#ops"),
        e.Announced("the server is moved tonight", source=e.Source("root"), wallops=True),
        e.Killed(e.Source("root"), "bob", "enough"),
        e.ModesShown("#ops", (("n", ""), ("t", ""), ("l", "20")), 1),
        e.ModesShown("#lobby", (), 1),
        e.MasksListed("#ops", "b", MASKS),
        e.MasksListed("#ops", "e", ()),
        e.Members("#lobby", ("alice", "bob"), 2),
        e.RoomsListed((("#ops", 3, "who is on call"),), 1),
        e.AwayShown("bob", "alice", "lunch"),
        e.PersonShown(
            "bob",
            e.Source("alice", "~al", "10.0.0.1", "alice", "Alice Liddell", bot=True),
            "chatd",
            "chatd",
            (("#lobby", ""), ("#ops", "ov")),
            away="lunch",
            idle=187,
            signon=1795_429_920_000_000,
            operator=True,
            secured=True,
            private=e.Private("", "", "liddell", 4711, 3),
        ),
        e.PersonShown(
            "alice",
            e.Source("alice", "~al", "10.0.0.1", "alice", "Alice Liddell"),
            "chatd",
            "chatd",
            idle=187,
            signon=1795_429_920_000_000,
            private=e.Private("", "", "", 4711, 1),
        ),
        e.Recalled("#lobby", "joined", "", PAST, 3),
        e.Recalled("#lobby", "history", "", (), 0),
        e.Recalled("#lobby", "search", "coffee", (), 0),
        e.Recalled("#lobby", "missed", "", (), -1),
        e.Closing("goodbye"),
        e.Closing("the server is stopping"),
    ],
)
def test_every_kind_of_notice_stands_there(event: e.Event) -> None:
    for line in write(event).decode().splitlines():
        assert line in LINES


def test_the_punctuation_of_names_stands_there() -> None:
    assert f".Li {PUNCTUATION.replace(chr(92), chr(92) + 'e')} ;" in PAGE
    assert re.search(r"at most 24 characters", PAGE)
