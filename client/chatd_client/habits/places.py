"""Where chat-client keeps things: the XDG base directories, and what is ours below them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Places(NamedTuple):
    """The two directories, and the files in them; none of it has to be there."""

    config_dir: Path
    state_dir: Path

    @property
    def config_file(self) -> Path:
        """The configuration, chat-client.toml(5)."""
        return self.config_dir / "config.toml"

    @property
    def history_file(self) -> Path:
        """What was typed."""
        return self.state_dir / "history"

    @property
    def log_dir(self) -> Path:
        """The logs of rooms, a directory for each server."""
        return self.state_dir / "logs"


def find(environ: Mapping[str, str] = os.environ) -> Places:
    """Return the places by ``environ``."""
    return Places(
        _base(environ, "XDG_CONFIG_HOME", "~/.config") / "chat-client",
        _base(environ, "XDG_STATE_HOME", "~/.local/state") / "chat-client",
    )


def _base(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    # Relative paths are invalid there and are to be ignored (XDG Base Directory Specification).
    base = environ.get(variable, "")
    return Path(base if os.path.isabs(base) else os.path.expanduser(otherwise))


def expand(path: str) -> Path:
    """Return the path that a configuration says, in which ``~/`` is the home directory."""
    return Path(os.path.expanduser(path))
