"""Where clients come from: how many, and how often, from one place; and who is let off. Pure.

A place is an address of IPv4, or a network of IPv6 (``limits.ipv6_prefix``), or a user of this
machine. Who comes from an address in ``[exempt]`` is counted like everybody, and refused by none
of this. All that is asked here costs the same however many clients, places and exemptions there
are; a reload, which looks at everybody once, is the exception.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from chatd_supervisor.config import Limits
from chatd_supervisor.connections import Connection
from chatd_supervisor.exempt_config import UNIX_USERS, Exempting
from chatd_supervisor.networks import NetworkMap, place_of, read_network
from chatd_supervisor.penalties import Penalties
from chatd_supervisor.rates import Rates
from chatd_supervisor.refusals import Refusal, too_many, too_many_crashes, too_often


class Origins:
    """Counts clients by the places they come from."""

    def __init__(
        self, limits: Limits, exempting: Exempting, let_off: Callable[[str], bool] = lambda _: False
    ) -> None:
        """``let_off`` tells whether the administrator has exempted a host beside ``[exempt]``."""
        self._let_off = let_off
        self._rates: Final = Rates()
        self._penalties: Final = Penalties()
        self._clients: Counter[str] = Counter()
        self.live_by(limits, exempting, ())

    def live_by(
        self, limits: Limits, exempting: Exempting, connections: Iterable[Connection]
    ) -> None:
        """Go by ``limits`` and ``exempting`` from now on, for the ``connections`` there are too."""
        self._limits = limits
        self._exempt: NetworkMap[bool] = NetworkMap()
        for one in exempting.addresses:
            if one != UNIX_USERS:
                self._exempt.set(read_network(one), True)
        self._unix_is_exempt = UNIX_USERS in exempting.addresses
        self._clients.clear()
        for connection in connections:
            self.place(connection)
            self.count(connection)

    def place(self, connection: Connection) -> None:
        """Find out where ``connection`` comes from, by its ``host`` and way."""
        host = connection.host
        connection.place = place_of(host, self._limits.ipv6_prefix)
        if connection.way.is_local:
            connection.exempt = self._unix_is_exempt
        else:
            connection.exempt = any(self._exempt.find(host))
        connection.exempt = connection.exempt or self._let_off(host)

    def count(self, connection: Connection) -> None:
        """Count ``connection`` among those of its place."""
        self._clients[connection.place] += 1

    def uncount(self, connection: Connection) -> None:
        """Undo ``count``."""
        place = connection.place
        self._clients[place] -= 1
        if not self._clients[place]:
            del self._clients[place]

    def objection(self, connection: Connection, now: float) -> Refusal | None:
        """Return why ``connection``, which is not counted yet, is one too many; None: it is not.

        ``now`` is in seconds, of a clock that is never set back.
        """
        place = connection.place
        if connection.exempt or not place:
            return None  # or its proxy has not said yet who it is
        limits = self._limits
        if left := self._penalties.left(place, limits.max_crashes, limits.crash_penalty, now):
            return too_many_crashes(place, left)
        most = limits.max_clients_per_ip
        if most and self._clients[place] >= most:
            return too_many(place, most)
        rate = limits.connect_rate
        if not self._rates.admits(place, rate, now):
            return too_often(place, rate)
        return None

    def blame(self, connection: Connection, now: float) -> bool:
        """Count a worker that died of what ``connection`` sent; return whether that is too much."""
        place = connection.place
        if connection.exempt or not place:
            return False
        limits = self._limits
        return self._penalties.blame(place, limits.max_crashes, limits.crash_penalty, now)
