r"""What people say, as lines of IRC: PRIVMSG, NOTICE and TAGMSG. The path that must be fast.

Who speaks IRC is known to say no more than what fits into one line with its name before it: servers
have always cut off the rest (``fitting``), and clients reckon with that. Text may come from a
dialect with longer lines, though. What does not fit into one goes on in the next, cut between
words; only the first has the message's id and its client-only tags, because it is one message.
"""

from typing import Final

from chatd_workers import capabilities as cap
from chatd_workers.dialects.irc.grammar import clip, split, unbroken, write_action
from chatd_workers.dialects.irc.lines import MAX_BODY, TAGGED, prefix, room_after, tags_of
from chatd_workers.events import Said, Source, Stamp, TalkKind, Told

_VERBS: Final = {"say": "PRIVMSG", "act": "PRIVMSG", "notice": "NOTICE", "tag": "TAGMSG"}

_CTCP: Final = "\x01"

_SHORT: Final = 60
"""Characters that fit into a line after any names, be they four bytes each."""


def fitting(source: Source, kind: TalkKind, target: str, text: str) -> str:
    """Return as much of ``text`` as ``source`` can say to ``target`` in one line.

    CTCP (0x01 at both ends) stays CTCP.
    """
    if len(text) <= _SHORT:
        return text
    room = room_after(f":{prefix(source)} {_VERBS[kind]} {target} :")
    if kind == "act":
        return clip(text, room - len(write_action("")))
    fits = clip(text, room)
    if fits != text and text.startswith(_CTCP):
        return clip(text, room - 1) + _CTCP
    return fits


def spoken(event: Said | Told, target: str, view: int) -> bytes:
    """Return what ``event`` says to ``target``."""
    source = event.source
    kind = event.kind
    if kind == "tag":
        if not view & cap.MESSAGE_TAGS:
            return b""
        body = unbroken(f":{prefix(source)} TAGMSG {target}")
    else:
        text = write_action(event.text) if kind == "act" else event.text
        body = unbroken(f":{prefix(source)} {_VERBS[kind]} {target} :{text}")
        if len(body) > _SHORT and len(body.encode()) > MAX_BODY:
            return _long(event, target, view)
    if not view & TAGGED and not event.once:
        return f"{body}\r\n".encode()
    return f"{unbroken(_tags(event, view))}{body}\r\n".encode()


def _tags(event: Said | Told, view: int) -> str:
    tags = tags_of(view, event.stamp, event.source, event.tags)
    if not event.once:
        return tags
    return f"@chatd/once={event.once}{f';{tags[1:]}' if tags else ' '}"


def _long(event: Said | Told, target: str, view: int) -> bytes:
    head = f":{prefix(event.source)} {_VERBS[event.kind]} {target} :"
    room = room_after(head)
    if event.kind == "act":
        pieces = [write_action(piece) for piece in split(event.text, room - len(write_action("")))]
    elif event.text.startswith(_CTCP):
        # Said by who has had a shorter name since.
        pieces = [clip(event.text, room - 1).removesuffix(_CTCP) + _CTCP]
    else:
        pieces = split(event.text, room)
    first, *others = pieces
    begun = _tags(event, view)
    going_on = tags_of(view, Stamp(event.stamp.time), event.source)
    lines = [f"{begun}{head}{first}", *(f"{going_on}{head}{piece}" for piece in others)]
    return "".join([f"{unbroken(line)}\r\n" for line in lines]).encode()
