"""What a master asks of whoever holds its sockets beside it, so that they outlive it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a command that only asks does not pay for asyncio
    import asyncio

    from chatd_supervisor.reinstating import Renewal


class Custody(Protocol):
    """A duplicate of each socket, by name, elsewhere: a supervisor's, or the service manager's."""

    @property
    def is_there(self) -> bool:
        """Somebody holds them, and starts another master when this one dies."""

    @property
    def is_supervisor(self) -> bool:
        """It is a process of ours, not the service manager."""

    @property
    def has_all(self) -> bool:
        """It has been passed all that it is to hold, so that this process may die at any moment."""

    def fileno(self) -> int | None:
        """Return the descriptor by which a program after this one goes on with it, if any."""

    def receive(self) -> dict[str, int]:
        """Return all that is held: descriptors by name, now the caller's to close."""

    def attach(self, loop: "asyncio.AbstractEventLoop", renewal: "Renewal") -> None:
        """Send from ``loop`` what waits; if it dies, have another one by ``renewal``."""

    def hold(self, name: str, descriptor: int) -> None:
        """Have ``descriptor`` held by ``name``; it must stay open until ``name`` is released."""

    def release(self, name: str) -> None:
        """Have what is held by ``name`` closed; nothing, if nothing is."""

    def hold_only(self, named: Mapping[str, int]) -> None:
        """Have all that is ``named`` held, and nothing else: after an upgrade."""

    def is_lent(self, name: str) -> bool:
        """Tell whether the socket called ``name`` is another's, who will want it back."""

    def ready(self, command: list[str]) -> None:
        """Say that clients can connect, and by which ``command`` another master is started."""

    def stopping(self) -> None:
        """Say that this master is to end, so that its death from now on is no accident."""

    def goodbye(self) -> None:
        """Have everything let go of, and wait until it is."""
