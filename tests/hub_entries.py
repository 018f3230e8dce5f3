"""Commands for properties of the hub: what people of IRC ask for, and what operators may."""

from typing import Any

from hypothesis import strategies as st

from chatd_supervisor.hub import OperatorBlock, Rules
from chatd_workers import commands as c

RULES = Rules(
    max_rooms=3,
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
_OWN_CHANGES = st.builds(c.ModeChange, st.booleans(), st.sampled_from("BTgiorwX"))


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
    )


PROLOGUE: list[tuple[int, Any]] = [
    (0, c.Arrive("text", "h")),
    (0, c.Rename("alice")),
    (0, c.Arrive("irc", "h")),
    (1, c.Rename("bob")),
    (1, c.User("bob", "")),
    (1, c.Enter(["#ops"])),
    (0, c.Join("#ops")),
    (1, c.Oper("root", "sesame")),
]
"""A beginning from which much can be done: one of each dialect, both in #ops, one its operator and
the server's. Session, counted from 0, and entry; who arrives is the next one."""
