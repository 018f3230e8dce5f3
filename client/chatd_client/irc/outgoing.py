"""What is to be said, until the server has it: pieces that fit into lines, in order, a few at once.

A ``Say`` is cut into pieces in a way that depends on nothing but itself, so that another process,
or this one after another connection, makes the same pieces with the same ids of it: a server that
knows the ids (``chatd/once``) takes each once, however often it is said.

Pieces of one room go out in order; a room that one is still to come into keeps its own waiting.
At most WINDOW pieces are under way, so what nobody has been told of when a connection breaks is
among the first WINDOW of each room.
"""

from collections import deque
from collections.abc import Callable, Container, Iterable
from typing import Final, NamedTuple

from chatd_client.exchange import Kind, Say
from chatd_client.memory import WINDOW
from chatd_workers.dialects.irc.grammar import split, write_action
from chatd_workers.names import fold

MAX_BODY: Final = 510
"""Bytes of a line without tags and CRLF."""

SOURCE: Final = 150
"""Bytes that ``:nick!user@host`` is reckoned to take at most: 24 characters of four bytes each for
a nick, or 30 of one and a host of 63, and a user's name. What is longer than fits beside that goes
on in another piece."""

LEAST: Final = 80
"""Bytes of text in a piece, however long its target is."""


class Piece(NamedTuple):
    """A line's worth of a ``Say``."""

    id: str
    say: Say
    text: str
    """As it stands in the line."""
    is_last: bool

    @property
    def verb(self) -> str:
        """The verb that says it."""
        return "NOTICE" if self.say.kind is Kind.NOTICE else "PRIVMSG"

    @property
    def body(self) -> str:
        """What stands last in the line."""
        return write_action(self.text) if self.say.kind is Kind.ACTION else self.text


def pieces_of(say: Say) -> list[Piece]:
    """Return ``say`` in pieces; none if there is nothing in it.

    A line break ends a piece. The first has the id of ``say`` if it is the only one; else ids end
    in ``.`` and a number from 0.
    """
    size = MAX_BODY - SOURCE - len(" PRIVMSG  :") - len(say.room.encode("utf-8", "replace"))
    if say.kind is Kind.ACTION:
        size -= len(write_action(""))
    # Neither of these can stand in a line (Modern, "Message format"); a lone surrogate is no UTF-8.
    lines = say.text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    texts = [
        piece
        for line in lines
        if line.strip()
        for piece in split(line.encode("utf-8", "replace").decode(), max(size, LEAST))
        if piece
    ]
    last = len(texts) - 1
    return [
        Piece(f"{say.id}.{place}" if last else say.id, say, text, place == last)
        for place, text in enumerate(texts)
    ]


class Outgoing:
    """Pieces that wait, and pieces that are under way."""

    def __init__(self, says: Iterable[Say] = (), suspects: Container[str] = ()) -> None:
        """``suspects`` are ids of ``says`` that an earlier connection may have sent."""
        self._waiting: dict[str, deque[tuple[int, Piece]]] = {}
        self._count = 0
        self.flight: dict[str, Piece] = {}
        """What has been sent and not been answered, by id, in the order in which it was sent."""
        self.suspects: dict[str, Piece] = {}
        """What may have been sent by an earlier connection, by id, until that is settled."""
        self.untold: set[str] = set()
        """Ids of what has been answered, while the answer has not been told yet: if nobody is ever
        told, it is said again."""
        for say in says:
            for piece in pieces_of(say):
                if say.id in suspects:
                    self.suspects[piece.id] = piece
                self._wait(piece)

    def add(self, say: Say) -> bool:
        """Take ``say``; return false if there is nothing in it to be said."""
        pieces = pieces_of(say)
        for piece in pieces:
            self._wait(piece)
        return bool(pieces)

    def _wait(self, piece: Piece) -> None:
        self._count += 1
        self._waiting.setdefault(fold(piece.say.room), deque()).append((self._count, piece))

    @property
    def is_empty(self) -> bool:
        """Whether everything has been answered."""
        return not (self.flight or self._waiting)

    def rooms(self) -> list[str]:
        """Return the rooms for which something waits."""
        return [queue[0][1].say.room for queue in self._waiting.values()]

    def under_way(self) -> set[str]:
        """Return the ids of the ``Say`` of which something may have been sent."""
        pieces = (*self.flight.values(), *self.suspects.values())
        return self.untold | {piece.say.id for piece in pieces}

    def next(self, ready: Callable[[str], bool]) -> Piece | None:
        """Return what is to be sent next, and count it as sent; ``ready`` says which rooms are."""
        if len(self.flight) + len(self.untold) >= WINDOW:
            return None
        best = min(
            (
                (queue[0][0], key)
                for key, queue in self._waiting.items()
                if ready(queue[0][1].say.room)
            ),
            default=None,
        )
        if best is None:
            return None
        queue = self._waiting[best[1]]
        _, piece = queue.popleft()
        if not queue:
            del self._waiting[best[1]]
        self.flight[piece.id] = piece
        return piece

    def accept(self, piece: Piece) -> str:
        """Count ``piece`` as said; return the id of its ``Say`` if that is all of it, else ""."""
        self.flight.pop(piece.id, None)
        self.suspects.pop(piece.id, None)
        self._drop(lambda waiting: waiting.id == piece.id, piece.say.room)
        if not piece.is_last:
            return ""
        self.untold.add(piece.say.id)
        return piece.say.id

    def refuse(self, piece: Piece) -> None:
        """Let go of all of the ``Say`` that ``piece`` is of."""
        number = piece.say.id
        for pieces in (self.flight, self.suspects):
            for each in [each for each in pieces.values() if each.say.id == number]:
                del pieces[each.id]
        self._drop(lambda waiting: waiting.say.id == number, piece.say.room)

    def refuse_room(self, room: str) -> list[Say]:
        """Let go of all that waits for ``room``; return it."""
        queue = self._waiting.pop(fold(room), ())
        says = {piece.say.id: piece.say for _, piece in queue}
        for say in says.values():
            for each in [each for each in self.flight.values() if each.say.id == say.id]:
                del self.flight[each.id]
        return list(says.values())

    def _drop(self, unwanted: Callable[[Piece], bool], room: str) -> None:
        key = fold(room)
        queue = self._waiting.get(key)
        if queue is None or not any(unwanted(piece) for _, piece in queue):
            return
        left = deque(each for each in queue if not unwanted(each[1]))
        if left:
            self._waiting[key] = left
        else:
            del self._waiting[key]
