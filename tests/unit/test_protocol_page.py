"""chatd-protocol(7) says what the text dialect's tables say."""

import re
from pathlib import Path

import pytest

from chatd_workers import events as e
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
    "missing-room": "/join ROOM",
    "missing-text": "/msg NICK TEXT",
    "nick-too-long": "24",
    "room-too-long": "32",
    "room-invalid": "#x",
    "room-unknown": "#x",
    "rooms-full": "1000",
    "already-there": "#lobby",
    "not-a-count": "/history [N]",
    "not-named": "guest1",
    "history-unavailable": "...",
    "not-written": "...",
    "in-lobby": "#lobby",
    "topic-too-long": "300",
    "missing-password": "/identify PASSWORD",
    "missing-modes": "/mode MODES",
    "not-on-room": "bob",
    "already-on-room": "bob",
    "only-accepted": "bob",
    "nick-reserved": "bob",
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
    "room-kept-already": "bob",
}

DONE = {"modes-shown": "...", "away": "lunch"}


@pytest.mark.parametrize("problem", COMMON)
def test_every_refusal_stands_there_as_it_is_sent(problem: str) -> None:
    sentence = write(e.Refused(problem, VALUES.get(problem, "x"), "#x")).decode().rstrip("\n")
    assert sentence in LINES


@pytest.mark.parametrize("notice", NOTICES)
def test_every_confirmation_stands_there(notice: str) -> None:
    assert f"--- {confirm(notice, DONE.get(notice, 'bob'), '#x')}" in LINES


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_its_item(verb: str) -> None:
    words = VERBS[verb].usage.split()[1:]
    optional = any(word.startswith("[") for word in words)
    arguments = " ".join(word.strip("[]").lower() for word in words)
    tail = f" Op Ar {arguments}" if optional else f" Ar {arguments}" if arguments else ""
    assert f".It Ic {verb}{tail}" in LINES


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
            private=e.Private("", "", "liddell"),
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
