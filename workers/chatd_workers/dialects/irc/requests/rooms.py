"""Rooms: who is in, what they are called, how they are set. Only names with ``#`` are rooms'."""

import re
from typing import Final, Literal, cast

from chatd_workers import commands as c
from chatd_workers.dialects.irc.grammar import Message
from chatd_workers.dialects.irc.modes import ROOM_MODES, USER_MODES, read_modes
from chatd_workers.dialects.irc.requests.params import (
    lacking,
    name,
    names,
    number,
    optional,
    text,
    word,
)
from chatd_workers.names import fold, make_safe

# What LIST may ask for beside masks: ELIST's tokens U, C and T.
_CONDITION: Final = re.compile(r"([CTct]?[<>])([0-9]{1,9})")
_MOST: Final = 999_999_999


def join(message: Message) -> c.Plain:
    """JOIN; a key belongs to the room in the same place of its list."""
    if message.params[0] == "0":
        return c.LeaveAll()
    rooms = message.params[0].split(",")
    keys = optional(message.params, 1).split(",")
    keys += [""] * (len(rooms) - len(keys))
    pairs = [(name(room), name(key)) for room, key in zip(rooms, keys, strict=False) if room]
    if not pairs:
        return lacking("JOIN")
    given = [key for _, key in pairs]
    while given and not given[-1]:
        given.pop()
    return c.Enter([room for room, _ in pairs], given)


def part(message: Message) -> c.Plain:
    """PART."""
    rooms = names(message.params[0])
    return c.Part(rooms, text(optional(message.params, 1))) if rooms else lacking("PART")


def topic(message: Message) -> c.Plain:
    """TOPIC: an empty topic clears it, none shows it."""
    new = text(message.params[1]) if len(message.params) > 1 else None
    return c.Topic(new, name(message.params[0]))


def members(message: Message) -> c.Plain:
    """NAMES."""
    return c.ListNames(names(optional(message.params, 0)))


def listing(message: Message) -> c.Plain:
    """LIST."""
    masks = []
    conditions = []
    for each in names(optional(message.params, 0)):
        if found := _CONDITION.fullmatch(each):
            sign = cast('Literal[">", "<", "C>", "C<", "T>", "T<"]', found[1].upper())
            conditions.append((sign, number(found[2], _MOST)))
        else:
            masks.append(each)
    return c.ListRooms(masks, conditions)


def invite(message: Message) -> c.Plain:
    """INVITE; without parameters it asks where one is invited."""
    if not message.params:
        return c.Invite()
    if len(message.params) < 2 or not all(message.params[:2]):
        return lacking("INVITE")
    return c.Invite(name(message.params[0]), name(message.params[1]))


def kick(message: Message) -> c.Plain:
    """KICK: out of one room; RFC 1459's list of rooms will do if it names one again and again.

    Of another list the whole is taken for a name, which no room has.
    """
    rooms = message.params[0].split(",")
    room = rooms[0] if len({fold(each) for each in rooms}) == 1 else message.params[0]
    nicks = names(message.params[1])
    reason = text(optional(message.params, 2))
    return c.Kick(name(room), nicks, reason) if nicks else lacking("KICK")


def mode(message: Message) -> c.Plain:
    """MODE, of a room or a person."""
    target, *words = message.params
    modes = ROOM_MODES if target.startswith("#") else USER_MODES
    changes = read_modes(modes, list(map(make_safe, words)))
    return c.Mode(name(target), changes[: c.MAX_LISTED])


def claim(message: Message) -> c.Plain:
    """CHANREG: have a room last, or (OFF) no longer."""
    return c.ClaimRoom(name(message.params[0]), optional(message.params, 1).upper() != "OFF")


def claimed(words: list[str]) -> c.Plain | None:
    """REGISTER ROOM, as ChanServ is told elsewhere; None if it is not that."""
    return c.ClaimRoom(name(words[0])) if len(words) == 1 else None


def unclaimed(words: list[str]) -> c.Plain | None:
    """DROP ROOM, as ChanServ is told elsewhere; None if it is not that."""
    return c.ClaimRoom(name(words[0]), keep=False) if len(words) == 1 else None


def grant(message: Message) -> c.Plain:
    """CHANACCESS: what an account is in a room that lasts: o, v or (nothing) none."""
    status = optional(message.params, 2)
    if len(status) > 1:
        return c.Refuse("unknown-subcommand", word(status), "CHANACCESS")
    return c.Grant(name(message.params[0]), name(message.params[1]), name(status))
