"""How a supervisor is run: its command line, for those who run one and for the one that is run."""

from collections.abc import Iterable
from typing import NamedTuple, Self

from chatd_supervisor.config import Server
from chatd_supervisor.paths import Paths
from chatd_supervisor.supervise.succession import this_program


class Asked(NamedTuple):
    """The words on the command line of a supervisor, before the options of ``chatd run``."""

    runtime_dir: str
    state_dir: str
    log_file: str
    """Empty: standard error, and this is no daemon."""
    log_level: str
    log_format: str
    """How the supervisor itself logs."""

    @classmethod
    def of(cls, places: Paths, server: Server, *, daemon: bool) -> Self:
        """Return what ``server`` asks for."""
        log_file = str(places.log_file) if daemon else ""
        runtime_dir, state_dir = map(str, places)
        return cls(runtime_dir, state_dir, log_file, server.log_level, server.log_format)

    @classmethod
    def read(cls, arguments: list[str]) -> tuple[Self, list[str]]:
        """Return what ``arguments`` say, and the options that follow."""
        size = len(cls._fields)
        return cls(*arguments[:size]), arguments[size:]

    @property
    def is_daemon(self) -> bool:
        """Nobody waits for the end of this process."""
        return bool(self.log_file)

    def program(self, options: Iterable[str], beginning: list[str] | None = None) -> list[str]:
        """Return program and arguments of a supervisor whose masters run with ``options``.

        ``beginning``: how it is run, if it is not this program (``succession.program_of``).
        """
        return [*(beginning or this_program()), *self, *options]
