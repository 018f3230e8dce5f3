"""The master's line to the supervisor that watches over it."""

import asyncio


class Keeper:
    """The supervisor, as the master sees it."""

    is_there = True

    @classmethod
    def from_environment(cls) -> "Keeper | None":
        """Return the line to the supervisor that has started us, if one has."""
        return None

    def fileno(self) -> int:
        """Return the descriptor of the line."""
        return -1

    def receive(self) -> dict[str, int]:
        """Return the descriptors that the supervisor has held, by name."""
        return {}

    def hold(self, name: str, descriptor: int) -> None:
        """Have ``descriptor`` held under ``name``."""

    def release(self, name: str) -> None:
        """Have what is held under ``name`` let go."""

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send what could not be sent at once from ``loop``."""

    def ready(self) -> None:
        """Say that we serve."""

    def goodbye(self) -> None:
        """Say that we end."""
