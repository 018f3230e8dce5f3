"""Where one talks on a server if nobody has said where: pure."""

from collections.abc import Sequence

from chatd_client.exchange import Join, Status
from chatd_client.plain import LAB
from chatd_workers.names import LOBBY


def room_to_begin_with(status: Status, rooms: Sequence[str]) -> str:
    """Return where one talks first; "" if that is not known.

    ``rooms`` are those that were asked for, each with its key after a space, if it has one.
    """
    if status.dialect == "lab":
        return LAB
    if rooms:
        return rooms[0].partition(" ")[0]
    return LOBBY if status.is_chatd or status.dialect == "text" else ""


def way_into(room: str, status: Status, rooms: Sequence[str]) -> Join | None:
    """Return the order that brings one into ``room``, where one begins, if it takes one.

    The reading process comes into what was asked for by itself, and who speaks the text dialect is
    in the lobby from the start.
    """
    return Join(room=room) if room and status.dialect == "irc" and not rooms else None
