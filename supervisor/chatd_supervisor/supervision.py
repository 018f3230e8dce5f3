"""How a supervisor is run: its command line, for those who run one and for the one that is run."""

import sys
from typing import TYPE_CHECKING, NamedTuple, Self

from chatd_supervisor.paths import Paths

if TYPE_CHECKING:  # a supervisor knows nothing of it
    from chatd_supervisor.config import Server


class Supervision(NamedTuple):
    """The words on the command line of a supervisor, before the command that starts a master."""

    runtime_dir: str
    log_file: str
    """Empty: standard error."""
    log_level: str
    log_format: str
    standby: str
    """Empty: nobody stands by."""
    starter: str
    """The descriptor of whoever starts a daemon, -1 if that was long ago; empty: no daemon."""

    @classmethod
    def of(cls, places: Paths, server: "Server", starter: int | None) -> Self:
        """Return what ``server`` asks for; ``starter`` as above, None: no daemon."""
        return cls(
            str(places.runtime_dir),
            str(places.log_file) if starter is not None else "",
            server.log_level,
            server.log_format,
            "standby" if server.standby else "",
            str(starter) if starter is not None else "",
        )

    @classmethod
    def read(cls, arguments: list[str]) -> tuple[Self, list[str]]:
        """Return what ``arguments`` say, and the command that follows."""
        size = len(cls._fields)
        return cls(*arguments[:size]), arguments[size:]

    def program(self, command: list[str]) -> list[str]:
        """Return the program and arguments of a supervisor whose masters ``command`` starts."""
        return [sys.executable, "-P", "-m", "chatd_supervisor.watching", *self, *command]
