"""What the reading process asks of a dialect: bytes and orders in, bytes and news out. Pure."""

from typing import Protocol

from chatd_client.exchange import AnyOrder, News
from chatd_client.exits import Failure


class Dialogue(Protocol):
    """One connection, without the connection. Times are seconds of a clock that only goes on."""

    done: bool
    """We have left, and all that was to be said is said."""

    def begin(self, now: float) -> None:
        """Begin: the connection is there."""

    def receive(self, data: bytes, now: float) -> None:
        """Take what the server sends."""

    def order(self, order: AnyOrder, now: float) -> None:
        """Take an order."""

    def tick(self, now: float) -> None:
        """Do what is due."""

    def take(self) -> tuple[bytes, list[News]]:
        """Return what is to be sent, and what is to be told."""

    @property
    def wake(self) -> float | None:
        """When ``tick`` is due."""

    @property
    def is_dead(self) -> bool:
        """Whether the server does not answer any more."""

    @property
    def failure(self) -> Failure | None:
        """Why it is of no use to go on with this server."""

    @property
    def parting(self) -> str:
        """What the server has said last, before it closes."""

    @property
    def secure_port(self) -> int:
        """Where the server wants to be reached by TLS instead; 0: nowhere."""

    def under_way(self) -> tuple[str, ...]:
        """Return the ids of what may have been said, and has not been answered."""
