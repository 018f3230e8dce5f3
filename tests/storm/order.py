"""The one order of lines, put together from what everybody hears, and whoever departs from it.

Everybody in a room hears the same bytes. Whoever is ahead of all others adds to the order, line by
line: each must be what its speaker says under that number, to the byte, and the next of that
speaker. What the others hear is compared with the order; only where it differs are their lines
looked at one by one.

What the server says begins with ``--- ``. Of that, comings and goings are part of the order, as
they are told to everybody in a small room; the rest is for one client, and only counted.
"""

import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable

from storm.figures import Figures
from storm.wires import TEXT

LONG_EVERY = 150
"""One line in so many is as long as can be, or nearly."""

NOTICE = b"--- "
MOVEMENT = re.compile(rb"--- (\S+) (joined|left) #")

KEPT = 1 << 20
"""Bytes of the order that are kept behind everybody."""


def text_of(seed: int, key: int, number: int, longest: int = TEXT.longest) -> bytes:
    """Return what the speaker ``key`` says under ``number``, at most ``longest`` bytes."""
    head = b"%d %d " % (key, number)
    dice = zlib.crc32(head, seed & 0xFFFFFFFF)
    size = (dice >> 8) % 60
    if dice % LONG_EVERY == 0:
        size = longest - len(head) - size % 3
    filler = b"%08x" % dice
    return head + (filler * (size // 8 + 1))[:size] + b"."[: not size]


class Speaker:
    """Somebody who says numbered lines: how many so far, and how many of them are in the order."""

    def __init__(self, key: int, nick: bytes) -> None:
        self.key = key
        self.nick = nick
        self.said = 0
        self.ordered = 0
        self.ends: deque[int] = deque()
        """Where in the order those of its lines end that it has not heard."""
        self.heard = 0

    def hear(self, place: int) -> None:
        """Take note that it has heard everything before ``place``."""
        while self.ends and self.ends[0] <= place:
            self.ends.popleft()
            self.heard += 1


class Ear:
    """What one client has heard: a place in the order, and the beginning of a line."""

    def __init__(
        self,
        name: str,
        order: "Order",
        *,
        late: bool = False,
        deaf_to: bytes = b"",
        ordered: Callable[[bytes], bytes] = TEXT.ordered,
    ) -> None:
        """``ordered`` puts what it hears into the form of the order (``wires``).

        ``late``: it has not heard what came first, and begins with whatever it hears first.

        Nor may it hear its own coming; so what it hears is not added to the order, but waits
        until somebody else has heard it. The same for one that is not told what it says itself,
        under the nick ``deaf_to``: its own lines are passed over as soon as others have heard them.
        """
        self.name = name
        self.place: int | None = None if late else 0
        self.deaf_to = deaf_to + b" : " if deaf_to else b""
        self.partial = b""
        self.waiting = b""
        self._waits = late or bool(deaf_to)
        self.missed: set[bytes] = set()
        self._order = order
        self._ordered = ordered

    def hear(self, data: bytes) -> None:
        """Take what was received."""
        data = self.partial + data
        end = data.rfind(b"\n") + 1
        self.partial = data[end:]
        whole = data[:end]
        figures = self._order.figures
        figures.deliveries += whole.count(b"\n")
        figures.bytes += end
        whole = self._ordered(whole)
        if NOTICE in whole:
            lines = whole.splitlines(keepends=True)
            ordered = [x for x in lines if not x.startswith(NOTICE) or MOVEMENT.match(x)]
            figures.notices += len(lines) - len(ordered)
            whole = b"".join(ordered)
        if self._waits:
            self.waiting += whole
            self._order.catch_up(self)
        elif whole:
            self._order.follow(self, whole)

    def go_on(self) -> None:
        """Pass over its own lines that others have heard by now, if it is not told them."""
        if self.deaf_to:
            self._order.catch_up(self)


class Order:
    """The order, from ``_origin`` on: what is before has been heard by everybody."""

    def __init__(self, figures: Figures, longest: int = TEXT.longest) -> None:
        """``longest``: bytes of the longest text that arrives whole with everybody."""
        self.figures = figures
        self.longest = longest
        self.speakers: dict[bytes, Speaker] = {}
        self._text = bytearray()
        self._origin = 0
        self._movements: set[tuple[bytes, bytes]] = set()

    @property
    def end(self) -> int:
        """Bytes that it has by now."""
        return self._origin + len(self._text)

    def follow(self, ear: Ear, data: bytes) -> None:
        """Compare ``data``, whole lines that ``ear`` has heard, with the order, or add them."""
        assert ear.place is not None
        at = ear.place - self._origin
        known = self._text[at : at + len(data)]
        if known == data:
            ear.place += len(data)
            return
        if known and not data.startswith(known):
            for line in data.splitlines(keepends=True):
                self._follow_line(ear, line)
            return
        ear.place = self.end
        for line in data[len(known) :].splitlines(keepends=True):
            if self._append(line, ear.name):
                ear.place = self.end

    def catch_up(self, ear: Ear) -> bool:
        """Compare what a late ``ear`` has heard, as others have heard it; return whether all is."""
        self._pass_over(ear)
        while ear.waiting:
            line = ear.waiting[: ear.waiting.index(b"\n") + 1]
            if ear.place is None:
                ear.place = self._find(line, self._origin)
                if ear.place is None:
                    return False
            at = ear.place - self._origin
            known = bytes(self._text[at : at + len(ear.waiting)])
            if known and ear.waiting.startswith(known):
                ear.place += len(known)
                ear.waiting = ear.waiting[len(known) :]
            elif known.startswith(line):
                ear.place += len(line)
                ear.waiting = ear.waiting[len(line) :]
            elif self._is_new(line) and self._find(line, ear.place) is None:
                return False
            else:
                self._follow_line(ear, line)
                ear.waiting = ear.waiting[len(line) :]
            self._pass_over(ear)
        return True

    def _pass_over(self, ear: Ear) -> None:
        """Go on to the next line that is not its own, if it is not told its own."""
        if not ear.deaf_to or ear.place is None:
            return
        at = ear.place - self._origin
        while self._text.startswith(ear.deaf_to, at):
            at = self._text.index(b"\n", at) + 1
        ear.place = at + self._origin

    def _follow_line(self, ear: Ear, line: bytes) -> None:
        assert ear.place is not None
        at = ear.place - self._origin
        if self._text[at : at + len(line)] == line:
            ear.place += len(line)
            return
        figures = self.figures
        if line in ear.missed:
            ear.missed.discard(line)
            figures.lost -= 1
            figures.reordered += 1
            figures.note(f"{ear.name} heard later than others: {_shown(line)}")
            return
        found = self._find(line, ear.place)
        if found is None and self._is_new(line):
            found = self.end
        if found is None:
            self._complain(line, ear.name)
            return
        skipped = self._meant_for(ear, at, found - self._origin)
        figures.lost += len(skipped)
        ear.missed.update(skipped)
        if skipped:
            figures.note(f"{ear.name} missed {len(skipped)} lines before {_shown(line)}")
        ear.place = found
        if found == self.end:
            self._append(line, ear.name)
            ear.place = self.end
        else:
            ear.place += len(line)

    def _meant_for(self, ear: Ear, begin: int, end: int) -> list[bytes]:
        """Return the lines between two places in the text that ``ear`` is to hear."""
        lines = bytes(self._text[begin:end]).splitlines(keepends=True)
        return [x for x in lines if not (ear.deaf_to and x.startswith(ear.deaf_to))]

    def _find(self, line: bytes, start: int) -> int | None:
        """Return where ``line`` is, as a whole, at or after ``start``."""
        at = start - self._origin
        while (at := self._text.find(line, at)) >= 0:
            if at == 0 or self._text[at - 1] == 10:
                return at + self._origin
            at += 1
        return None

    def _is_new(self, line: bytes) -> bool:
        movement = MOVEMENT.match(line)
        if movement is not None:
            return movement.groups() not in self._movements
        parsed = self._parse(line)
        return parsed is not None and parsed[1] >= parsed[0].ordered

    def _append(self, line: bytes, name: str) -> bool:
        """Add a ``line`` that nobody has heard before; return whether it has been added."""
        movement = MOVEMENT.match(line)
        if movement is not None:
            if movement.groups() in self._movements:
                self._complain(line, name)
                return False
            self._movements.add((movement[1], movement[2]))
            self._text += line
            return True
        parsed = self._parse(line)
        if parsed is None or parsed[1] < parsed[0].ordered:
            self._complain(line, name)
            return False
        speaker, number = parsed
        if number > speaker.ordered:
            self.figures.lost += number - speaker.ordered
            self.figures.note(
                f"{name} heard {_shown(line)} after {speaker.ordered} lines of that speaker"
            )
        speaker.ordered = number + 1
        self._text += line
        speaker.ends.append(self.end)
        return True

    def _complain(self, line: bytes, name: str) -> None:
        """Count a ``line`` that should not have come."""
        figures = self.figures
        if MOVEMENT.match(line) or self._parse(line) is not None:
            figures.doubled += 1
            figures.note(f"{name} heard again: {_shown(line)}")
        else:
            figures.garbled += 1
            figures.note(f"{name} heard what nobody has said: {_shown(line)}")

    def _parse(self, line: bytes) -> tuple[Speaker, int] | None:
        """Return who has said ``line`` and under which number; None if nobody."""
        nick, separator, text = line.partition(b" : ")
        speaker = self.speakers.get(nick)
        parts = text.split(b" ", 2)
        if speaker is None or not separator or len(parts) != 3 or not parts[1].isdigit():
            return None
        number = int(parts[1])
        if number >= speaker.said:
            return None
        expected = text_of(self.figures.seed, speaker.key, number, self.longest)
        return (speaker, number) if text == expected + b"\n" else None

    def trim(self, ears: Iterable[Ear]) -> None:
        """Forget what all of ``ears`` have heard, but for the last of it."""
        heard = min((ear.place for ear in ears if ear.place is not None), default=self.end)
        if heard - self._origin > 2 * KEPT:
            cut = self._text.rindex(b"\n", 0, heard - KEPT - self._origin) + 1
            del self._text[:cut]
            self._origin += cut

    def conclude(self, ears: Iterable[Ear]) -> None:
        """Count what has not been heard by ``ears``, who are to have heard everything by now."""
        figures = self.figures
        for speaker in self.speakers.values():
            figures.lines += speaker.ordered
            if speaker.said > speaker.ordered:
                missing = speaker.said - speaker.ordered
                figures.lost += missing
                figures.note(f"nobody has heard the last {missing} of {_shown(speaker.nick)}")
        for ear in ears:
            if ear.deaf_to:
                self.catch_up(ear)
            for line in ear.waiting.splitlines(keepends=True):
                figures.garbled += 1
                figures.note(f"{ear.name} heard what nobody else has heard: {_shown(line)}")
            if ear.place is not None and ear.place < self.end:
                left = len(self._meant_for(ear, ear.place - self._origin, len(self._text)))
                figures.lost += left
                figures.note(f"{ear.name} has not heard the last {left} lines")
            if ear.partial:
                figures.garbled += 1
                figures.note(f"{ear.name} has heard half a line: {_shown(ear.partial)}")


def _shown(line: bytes) -> str:
    return repr(bytes(line[:60])) + ("..." if len(line) > 60 else "")
