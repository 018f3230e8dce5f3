"""Saying things, until the server has each: how that is known depends on what the server offers.

=================  ================================================================================
the server has     a piece was said when
=================  ================================================================================
chatd/once         its echo has come, with its id; a second one with the same id is the first again
labeled-response   its echo has come, with its label; a refusal has the label as well
echo-message       the same words have come back, or the PONG to a PING that was sent after it
nothing            that PONG has come, and no refusal before it
=================  ================================================================================

What was under way when the connection broke is simply said again with the first; with the others
it is looked for in the history (``catching_up``); where there is none either, nobody can tell
(``Doubtful``), and it is not said again.
"""

from typing import Final

from msgspec.structs import replace

from chatd_client.exchange import Doubtful, Refused, Said, Say
from chatd_client.irc.cleaning import clean_plain, clean_text
from chatd_client.irc.outgoing import Piece
from chatd_client.irc.session import ONCE, Session
from chatd_workers.dialects.irc.grammar import Message

BURST: Final = 8
"""Lines that other servers than chatd take at once; more would count as a flood."""

PER_SECOND: Final = 1.5
"""Lines a second that they take from then on."""

_BARRIER: Final = "said-"


class Speaking:
    """Says what is to be said over one connection."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._labels: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._count = 0
        self._allowed: float = BURST
        self._paced_at = 0.0
        self._barriers: dict[str, list[str]] = {}
        self.held: set[str] = set()
        """Folded rooms whose history has to be there before anything is said in them."""
        self.wake: float | None = None

    def say(self, say: Say) -> None:
        """Take ``say``, to be said as soon as that can be."""
        if not self._session.outgoing.add(say):
            self._session.tell(
                Refused(why="there is nothing to be said", sent=say.id, room=say.room)
            )

    def settle_suspects(self) -> None:
        """Say what is known of what an earlier connection may have sent: once one is let in."""
        session = self._session
        outgoing = session.outgoing
        if session.has(ONCE):
            outgoing.suspects.clear()
        elif not session.has("draft/chathistory", "chathistory"):
            for say in {piece.say.id: piece.say for piece in outgoing.suspects.values()}.values():
                first = next(p for p in outgoing.suspects.values() if p.say.id == say.id)
                outgoing.refuse(first)
                session.tell(Doubtful(sent=say.id, room=say.room, text=clean_text(say.text)))

    def flush(self) -> None:
        """Send what can be sent now."""
        session = self._session
        self.wake = None
        if not session.registered:
            return
        sent = []
        while self._may_send():
            piece = session.outgoing.next(self._is_ready)
            if piece is None:
                break
            self._send(piece)
            sent.append(piece.id)
        if sent and not session.has("labeled-response"):
            self._count += 1
            token = f"{_BARRIER}{self._count}"
            self._barriers[token] = sent
            session.send("PING", token)

    def _may_send(self) -> bool:
        session = self._session
        if session.is_chatd:
            return True
        self._allowed = min(BURST, self._allowed + (session.now - self._paced_at) * PER_SECOND)
        self._paced_at = session.now
        if self._allowed < 1:
            if not session.outgoing.is_empty:
                self.wake = session.now + (1 - self._allowed) / PER_SECOND
            return False
        return True

    def _is_ready(self, name: str) -> bool:
        session = self._session
        if not session.support.is_room(name):
            return session.support.key(name) not in self.held
        room = session.room_of(name)
        return room is None or (room.joined and session.support.key(name) not in self.held)

    def _send(self, piece: Piece) -> None:
        session = self._session
        self._allowed -= 1
        tags = {}
        if session.has("labeled-response"):
            self._count += 1
            label = f"s{self._count}"
            self._labels[label] = piece.id
            self._ids[piece.id] = label
            tags["label"] = label
        if session.has(ONCE):
            tags[ONCE] = piece.id
        if piece.say.reply and session.has("message-tags"):
            tags["+draft/reply"] = piece.say.reply
        # A target that could not be one word would become another one (grammar.compose).
        session.send(piece.verb, piece.say.room, piece.body, tags=tags)

    # Answers

    def match(self, message: Message, said: Said) -> Said:
        """Return ``said``, which we have, with the id of the ``Say`` that it is the end of."""
        session = self._session
        piece = self._piece_of(message, said)
        if piece is None:
            return said
        self._forget(piece)
        return replace(said, sent=session.outgoing.accept(piece))

    def _piece_of(self, message: Message, said: Said) -> Piece | None:
        flight = self._session.outgoing.flight
        once = message.tags.get(ONCE)
        if once:
            return flight.get(once)
        label = message.tags.get("label")
        if label:
            return flight.get(self._labels.get(label, ""))
        key = self._session.support.key
        for piece in flight.values():
            if (
                key(piece.say.room) == key(said.room)
                and piece.say.kind is said.kind
                and clean_text(piece.text).startswith(said.text)
            ):
                return piece
        return None

    def _forget(self, piece: Piece) -> None:
        label = self._ids.pop(piece.id, "")
        self._labels.pop(label, None)

    def acknowledge(self, label: str) -> bool:
        """Take an ACK, or another answer without an echo: the piece with this label was said."""
        piece = self._session.outgoing.flight.get(self._labels.get(label, ""))
        if piece is None:
            return False
        self._said_unheard(piece)
        return True

    def on_pong(self, token: str) -> bool:
        """Take the PONG to ``token``; return whether it was one of ours."""
        ids = self._barriers.pop(token, None)
        if ids is None:
            return False
        for number in ids:
            piece = self._session.outgoing.flight.get(number)
            if piece is not None:
                self._said_unheard(piece)
        return True

    def _said_unheard(self, piece: Piece) -> None:
        """Count ``piece`` as said, which the server does not send back."""
        session = self._session
        self._forget(piece)
        say = piece.say
        sent = session.outgoing.accept(piece)
        session.hear(
            Said(
                room=say.room,
                nick=session.nick,
                text=clean_text(piece.text),
                kind=say.kind,
                time=session.wall,
                own=True,
                sent=sent,
                account=session.account,
                reply=say.reply,
            )
        )

    def on_refused(self, message: Message, target: str) -> bool:
        """Take a refusal, of ``target`` if it names one; return whether we had said it."""
        session = self._session
        flight = session.outgoing.flight
        label = message.tags.get("label")
        piece: Piece | None = None
        if label:
            piece = flight.get(self._labels.get(label, ""))
        elif target and not session.has("labeled-response"):
            key = session.support.key
            piece = next((p for p in flight.values() if key(p.say.room) == key(target)), None)
        if piece is None:
            return False
        self._forget(piece)
        session.outgoing.refuse(piece)
        session.tell(
            Refused(
                why=clean_plain(message.params[-1]),
                room=piece.say.room,
                sent=piece.say.id,
                code=_code(message),
            )
        )
        return True

    def refuse_room(self, room: str) -> None:
        """Let go of what was to be said in a room that one is not let into."""
        for say in self._session.outgoing.refuse_room(room):
            why = f"one is not let into {room}"
            self._session.tell(Refused(why=why, room=room, sent=say.id))

    def find(self, said: Said) -> Said:
        """Return a line of the history; with the id of the ``Say`` if it is one that was in doubt.

        The same words of the same kind in the same room, the oldest first: as often as they are
        found they were said.
        """
        session = self._session
        if not said.own:
            return said
        key = session.support.key
        for piece in session.outgoing.suspects.values():
            if (
                key(piece.say.room) == key(said.room)
                and piece.say.kind is said.kind
                and clean_text(piece.text) == said.text
            ):
                return replace(said, sent=session.outgoing.accept(piece))
        return said


def _code(message: Message) -> str:
    if message.verb == "FAIL" and len(message.params) > 1:
        return clean_plain(message.params[1])
    return message.verb
