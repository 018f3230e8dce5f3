"""What time it is, and how far that is to be believed.

Somebody sets the wall clock: by hand, by NTP, after a start with an empty battery. So

* what is shown, and what an administrator has set an end to, goes by the wall clock as it is now
  (``Clock.now``); it may go backwards, and whatever needs an order goes by sequence numbers;
* silence, rates and time-outs go by CLOCK_MONOTONIC (clock_gettime(2)), which nobody sets;
* what cannot be had back, as a journal that forgets what is too old, goes by the time that has
  surely passed (``Passed``): no jump of the wall clock makes more of it than DOUBTED.

Both clocks beside each other tell of jumps. CLOCK_BOOTTIME is the one beside the wall clock, for it
goes on while the machine sleeps.
"""

import time
from collections.abc import Callable
from typing import Final

MICROSECONDS: Final = 1_000_000

JUMP: Final = 5.0
"""Seconds by which the wall clock and the other must differ to be called a jump,"""

DRIFT: Final = 0.001
"""beside this part of the time between two looks: NTP slews by half of it (adjtimex(2))."""

DOUBTED: Final = 24 * 3600.0
"""Seconds by which the wall clock may be ahead of what has surely passed, and be believed: what is
forgotten a day too early by a clock that is wrong would have been forgotten tomorrow."""

STEADY: Final = 7 * 24 * 3600.0
"""Seconds after which a wall clock that has not jumped any more is believed, however far it is."""


def boot_time() -> float:
    """Return the seconds since the machine was started, its sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_time() -> int:
    """Return the nanoseconds since the epoch."""
    return time.time_ns()


class Clock:
    """The wall clock, and whether it has jumped."""

    def __init__(
        self,
        wall: Callable[[], int] = wall_time,
        running: Callable[[], float] = boot_time,
        jumped: Callable[[float], None] = lambda _: None,
    ) -> None:
        """``wall`` is in nanoseconds, ``running`` in seconds.

        ``jumped`` is called with the seconds by which the wall clock has jumped, ahead or back.
        """
        self._wall = wall
        self._running = running
        self.jumped = jumped
        self._seen = (wall() / 1e9, running())

    def now(self) -> int:
        """Return the microseconds since the epoch."""
        wall, running = self._wall(), self._running()
        seconds = wall / 1e9
        before, begun = self._seen
        self._seen = (seconds, running)
        off = (seconds - before) - (running - begun)
        if abs(off) > JUMP + DRIFT * (running - begun):
            self.jumped(off)
        return wall // 1000

    def running(self) -> float:
        """Return the seconds of a clock that nobody sets."""
        return self._running()

    @property
    def ran(self) -> float:
        """The same, as it was at the last ``now``."""
        return self._seen[1]


class Passed:
    """The time that has surely passed: what the wall clock says, as far as it was lived through.

    It begins with what was known before, and goes on with the clock that nobody sets. The wall
    clock is believed where both agree, but for DOUBTED: so a machine that was off for a night need
    not wait. One that is further off is believed when it has been steady for STEADY. Pure.
    """

    def __init__(self, known: int, wall: int, running: float) -> None:
        """``known`` is what was known last, in microseconds since the epoch; 0: nothing."""
        self.known = known or wall
        self._running = running
        # Since when (by the clock that nobody sets) the wall clock is that far off, and how far.
        self._doubt: tuple[float, float] | None = None
        self.look(wall, running)

    def look(self, wall: int, running: float) -> int:
        """Return what time it is at least, in microseconds since the epoch."""
        self.known += round((running - self._running) * MICROSECONDS)
        self._running = running
        off = (wall - self.known) / MICROSECONDS
        if abs(off) <= DOUBTED:
            believed, self._doubt = True, None
        else:
            since, then = self._doubt or (running, off)
            if abs(off - then) > JUMP + DRIFT * (running - since):
                since, then = running, off
            self._doubt = (since, then)
            believed = running - since >= STEADY
        if believed:
            self.known = wall
            self._doubt = None
        # A clock that was put back forgets nothing either.
        return min(wall, self.known)

    def until_believed(self) -> float | None:
        """Return the seconds until the wall clock is believed if it is steady; None: it is."""
        if self._doubt is None:
            return None
        return max(self._doubt[0] + STEADY - self._running, 0.0)
