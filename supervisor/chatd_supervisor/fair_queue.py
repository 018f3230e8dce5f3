"""Whose work comes next: the address that has used the least of the master's time. Pure.

Work that waits is queued by the place it comes from: an address of IPv4, a network of IPv6, a local
user (``origins``). Each place has a virtual clock, which advances by the time that its work has
taken; the place whose clock is furthest behind is served next. A place that comes back after a
pause does not bring the time it has not used: its clock is set to that of the place served last.

So a thousand clients of one address that keep the master busy delay a line from elsewhere by the
piece of work in hand, not by theirs that waits; and nobody waits while the master has nothing else
to do. What the next piece will take is not known; ``expected`` guesses that it takes as long as the
last one of its place. This is start-time fair queueing (Goyal, Vin and Cheng, 1996), with the cost
measured after the fact, because it is not known before. Of places of which nothing waits only the
last are remembered (``recent``): the clocks of the others are mostly behind anyway.
"""

import heapq
from collections import deque
from typing import Generic, TypeVar

from chatd_supervisor.recent import Recent

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items that wait, by place; each place's in the order in which they came."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Item]] = {}
        # Clocks, in seconds, of places of which nothing waits.
        self._clocks: Recent[str, float] = Recent()
        # What the last item of each place has cost, in seconds.
        self._costs: Recent[str, float] = Recent()
        # Places with items, but for the one that is being served: clock, tie breaker, place.
        self._order: list[tuple[float, int, str]] = []
        # The clock of the place that was served last.
        self._now = 0.0
        self._count = 0
        self._size = 0

    def __len__(self) -> int:
        """Return how many items wait."""
        return self._size

    def add(self, place: str, item: Item) -> None:
        """Append ``item`` to what waits of ``place``."""
        self._size += 1
        queue = self._queues.get(place)
        if queue is not None:
            queue.append(item)
            return
        self._queues[place] = deque((item,))
        self._enter(place, max(self._clocks.pop(place) or 0.0, self._now))

    def take(self) -> tuple[str, Item]:
        """Take the next item out; return its place as well. ``charge`` must follow.

        Raises IndexError if there is none.
        """
        self._now, _, place = heapq.heappop(self._order)
        self._size -= 1
        return place, self._queues[place].popleft()

    def expected(self) -> float:
        """Return how many seconds the next item will probably cost, 0 if nothing is known.

        Raises IndexError if there is none.
        """
        return self._costs.get(self._order[0][2]) or 0.0

    def charge(self, place: str, seconds: float) -> None:
        """Take note that the item of ``place`` that was just taken has cost ``seconds``."""
        clock = self._now + seconds
        self._costs.set(place, seconds)
        if self._queues[place]:
            self._enter(place, clock)
            return
        del self._queues[place]
        self._clocks.set(place, clock)

    def _enter(self, place: str, clock: float) -> None:
        self._count += 1
        heapq.heappush(self._order, (clock, self._count, place))
