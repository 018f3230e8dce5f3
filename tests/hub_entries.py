"""Commands for properties of the hub: what people of IRC ask for, and what operators may."""

import base64
from typing import Any

from hypothesis import strategies as st

import account_samples
from chatd_supervisor.hub import Hub, OperatorBlock, Outcome, Rules
from chatd_supervisor.questions import Settled
from chatd_workers import commands as c

RULES = Rules(
    max_rooms=4,
    rooms_per_network=1,
    list_entries=2,
    accept_entries=2,
    operators=(OperatorBlock("root", "sesame", ("all",)),),
)
"""Limits that are met, and an operator."""

_CHANGES = st.builds(
    c.ModeChange,
    st.booleans(),
    st.sampled_from("beIklCMRimnstovX"),
    st.none() | st.sampled_from(["alice", "ALICE", "bob", "2", "$a", "*!*@h", "\x1b", "x" * 400]),
)
_RANKS = st.builds(
    c.ModeChange, st.booleans(), st.sampled_from("ov"), st.sampled_from(["alice", "bob"])
)
_OWN_CHANGES = st.builds(c.ModeChange, st.booleans(), st.sampled_from("BRTgiorwX"))


def commands(
    names: st.SearchStrategy[str], rooms: st.SearchStrategy[str], texts: st.SearchStrategy[str]
) -> st.SearchStrategy[Any]:
    """Return what may be asked for with these."""
    some_names = st.lists(names, max_size=2)
    some_rooms = st.lists(rooms, max_size=2)
    present = st.just("")
    return st.one_of(
        st.builds(c.User, names, texts),
        st.builds(c.Enter, some_rooms, some_names),
        st.builds(c.Part, some_rooms, texts),
        st.just(c.LeaveAll()),
        st.builds(c.Send, st.sampled_from(["say", "act", "notice", "tag"]), some_names, texts),
        st.builds(c.Send, st.sampled_from(["say", "notice"]), some_rooms, texts),
        st.builds(c.Mode, present | rooms, st.lists(_CHANGES, max_size=5)),
        st.builds(c.Mode, st.just("#ops"), st.lists(_RANKS, max_size=3)),
        st.builds(c.Mode, names, st.lists(_OWN_CHANGES, max_size=3)),
        st.builds(c.Kick, present | rooms, some_names, texts),
        st.builds(c.Invite, names, present | rooms),
        st.builds(c.Accept, some_names, some_names, st.booleans()),
        st.builds(c.Oper, st.just("root"), st.sampled_from(["sesame", "wrong"])),
        st.builds(c.Kill, names, texts),
        st.builds(c.Operate, st.sampled_from(["REHASH", "DIE", "RESTART"])),
        st.builds(c.Wallops, texts),
        st.builds(c.Away, texts),
        st.builds(c.SetRealname, texts),
        st.builds(c.Monitor, st.sampled_from(["+", "-", "C", "L", "S"]), some_names),
        st.builds(c.Whois, some_names),
        st.builds(c.Whowas, names),
        st.builds(c.FindUsers, names | rooms),
        st.just(c.ListRooms([])),
        st.just(c.ListNames([])),
        st.just(c.Ask("LUSERS")),
        st.builds(c.Register, present | names, st.just(""), PASSWORDS),
        st.builds(c.Identify, present | names, PASSWORDS),
        st.builds(
            c.Authenticate, st.sampled_from(["PLAIN", "SCRAM-SHA-256", "*", "+", "EXTERNAL"])
        ),
        st.builds(_proof, names, PASSWORDS),
        st.builds(c.ClaimRoom, present | rooms, st.booleans()),
        st.builds(c.Grant, present | rooms, names, st.sampled_from(["", "o", "v", "x"])),
    )


PASSWORDS = st.sampled_from(["sesame", "wrong", "", "x" * 501])


def _proof(account: str, password: str) -> c.Authenticate:
    return c.Authenticate(base64.b64encode(f"\0{account}\0{password}".encode()).decode()[:400])


def apply(hub: Hub, number: int, entry: Any) -> list[Outcome]:
    """Apply ``entry`` as the master does: first what must be known for it is found out."""
    question = hub.question(number, entry)
    if question is not None:
        hub.settled = Settled(question, account_samples.answer(question))
    outcomes = hub.apply(number, entry)
    hub.settled = None
    return outcomes


PROLOGUE: list[tuple[int, Any]] = [
    (0, c.Arrive("text", "h")),
    (0, c.Rename("alice")),
    (0, c.Arrive("irc", "h")),
    (1, c.Rename("bob")),
    (1, c.User("bob", "")),
    (1, c.Enter(["#ops"])),
    (0, c.Join("#ops")),
    (1, c.Oper("root", "sesame")),
    (1, c.Register("", "", "sesame")),
    (1, c.ClaimRoom("#ops")),
    (0, c.Register("carol", "", "sesame")),
    (1, c.Grant("#ops", "carol", "v")),
]
"""A beginning from which much can be done: one of each dialect, both in #ops and with accounts, one
its founder and an operator of the server. Session, counted from 0, and entry; who arrives is the
next one."""
