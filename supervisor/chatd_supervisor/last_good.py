"""The configuration that the server lives by, kept for a master after this one.

The file may be broken at the moment in which a master dies: half of an edit, a certificate that is
just being replaced. Nobody is there who could be told, and clients wait. So what a master lives by
is written down as it was understood, with what the command line said, and the next one goes on with
that if it cannot use the file; the log and ``chatd status`` say so until a reload succeeds.

Only a master that nobody has started by hand does so: one that a supervisor or the service manager
starts after another, or the program that an upgrade has gone back to. Whoever starts a server is
told what is wrong. A server that is stopped leaves nothing behind.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chatd_supervisor.config import Config
from chatd_supervisor.logbook import note


class LastGood:
    """What is written down, and what is wrong with the file instead."""

    def __init__(self, path: Path, *, goes_on: bool, error: str = "") -> None:
        """``goes_on``: this master follows one whose configuration is there."""
        self._path = path
        self.goes_on = goes_on
        self.error = error
        """Why the configuration, as it is now, cannot be used; empty: it is lived by."""

    def keep(self, config: Config) -> None:
        """Write down ``config``, which is lived by."""
        self.error = ""
        new = self._path.with_suffix(".new")
        try:
            with contextlib.suppress(FileNotFoundError):
                new.unlink()
            # It holds passwords.
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(config))
            new.replace(self._path)
        except OSError as error:
            note("configuration not kept", reason=error.strerror)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Keep in mind what is wrong with a configuration that is tried within this."""
        try:
            yield
        except (OSError, ValueError) as error:
            self.error = str(error)
            raise

    def discard(self) -> None:
        """Leave nothing to anybody."""
        self._path.unlink(missing_ok=True)


def read(path: Path) -> Config | None:
    """Return the configuration that is kept at ``path``; None if there is none that we know."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Config)
    except (OSError, msgspec.DecodeError):
        return None
