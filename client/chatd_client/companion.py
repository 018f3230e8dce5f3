"""The reading process as its parent holds it: what every face of the client is built on."""

from typing import Protocol

from chatd_client.exchange import AnyNews, AnyOrder


class Companion(Protocol):
    """The reading process, started anew whenever it dies.

    Keeps what has been said (``Say``) until the server has it, and gives it with the last message
    seen in each room to the next reading process; so its death is at most a ``Status``.
    """

    def fileno(self) -> int:
        """Return the descriptor that is readable when ``receive`` has something."""

    def receive(self) -> list[AnyNews]:
        """Return what has come, without waiting."""

    def order(self, order: AnyOrder) -> None:
        """Give ``order`` without waiting; it is kept as long as the process cannot take it."""

    def close(self) -> None:
        """End the reading process, whatever it does, and leave no zombie."""
