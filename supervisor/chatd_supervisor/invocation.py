"""What the options of a command say, and what follows from it: the configuration, the places."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from chatd_supervisor.config import Config, Limits, load
from chatd_supervisor.paths import Paths, find, linked_state
from chatd_workers.config_file import ConfigError


class Invocation:
    """One call of a command. Paths become absolute, for a daemon leaves where it was started."""

    def __init__(
        self,
        config: str | None = None,
        runtime_dir: str | None = None,
        state_dir: str | None = None,
        listen: tuple[str, ...] = (),
        *,
        log_level: str | None = None,
        log_format: str | None = None,
    ) -> None:
        self._file = _absolute(config)
        self._runtime_dir = _absolute(runtime_dir)
        self._state_dir = _absolute(state_dir)
        server = {
            "runtime_dir": self._runtime_dir,
            "state_dir": self._state_dir,
            "log_level": log_level,
            "log_format": log_format,
        }
        self._overrides: dict[str, Any] = {
            "server": {key: value for key, value in server.items() if value is not None}
        }
        if listen:
            self._overrides["listen"] = [{"address": address} for address in listen]

    @classmethod
    def of(cls, options: Iterable[str]) -> "Invocation":
        """Return what ``options``, as returned by ``options``, were made from."""
        given: dict[str, Any] = {}
        listen = []
        for option in options:
            key, _, value = option.removeprefix("--").partition("=")
            if key == "listen":
                listen.append(value)
            else:
                given[key.replace("-", "_")] = value
        return cls(**given, listen=tuple(listen))

    def options(self) -> list[str]:
        """Return the command line options that say the same."""
        found = {"config": self._file, **self._overrides["server"]}
        options = [f"--{key.replace('_', '-')}={value}" for key, value in found.items() if value]
        return options + [
            f"--listen={listen['address']}" for listen in self._overrides.get("listen", ())
        ]

    def over(self, options: Iterable[str]) -> "Invocation":
        """Return what ``options`` say, less what is said here, which counts instead."""
        ours = self.options()
        said = {_key(option) for option in ours}
        return Invocation.of([one for one in options if _key(one) not in said] + ours)

    def in_directories_of(self, running: Paths) -> "Invocation":
        """Return the same for a server in ``running``, unless other directories are named.

        Those that the environment tells may be other ones for whoever asks. Raises ConfigError.
        """
        server = self.config().server
        unnamed = [name for name in Paths._fields if getattr(server, name) is None]
        return self.over(f"--{name.replace('_', '-')}={getattr(running, name)}" for name in unnamed)

    def config(self) -> Config:
        """Read the configuration. Raises ConfigError."""
        return load(self.file(), self._overrides)

    def file(self, environ: Mapping[str, str] = os.environ) -> Path | None:
        """Return the configuration file to read: the one named, or the first that exists."""
        if self._file is not None:
            return Path(self._file)
        home = environ.get("XDG_CONFIG_HOME", "")
        if not os.path.isabs(home):
            home = os.path.expanduser("~/.config")
        for path in (Path(home, "chatd", "chatd.toml"), Path("/etc/chatd/chatd.toml")):
            # Not exists(): that also fails for want of a permission, which is to be told.
            if os.path.lexists(path):
                return path
        return None

    def pin(self) -> None:
        """Keep to the configuration file that is found now, as whoever this process becomes."""
        found = self.file()
        self._file = str(found) if found is not None else None

    def paths(self) -> Paths:
        """Return where a server is found that runs or has died. Raises ConfigError.

        Its state directory is the one that the server has named, whatever the configuration says
        now. Named on the command line it is found without a configuration, so that one broken
        meanwhile does not keep anybody from stopping the server.
        """
        if self._runtime_dir is not None:
            return self._linked(find(self._runtime_dir, self._state_dir))
        try:
            return self.places()
        except ConfigError as error:
            raise ConfigError(f"{error} (--runtime-dir finds a server without it)") from error

    def places(self) -> Paths:
        """Return where a server would be, or the one is that is in the runtime directory.

        Raises ConfigError.
        """
        return self._linked(paths_of(self.config()))

    def _linked(self, places: Paths) -> Paths:
        state_dir = linked_state(places.runtime_dir) if self._state_dir is None else None
        return places if state_dir is None else places._replace(state_dir=state_dir)

    def likely_places(self) -> Paths:
        """Return where a server is, as far as that can be known without its configuration."""
        return find(self._runtime_dir, self._state_dir, system=os.geteuid() == 0)

    def stop_timeout(self) -> float:
        """Return the seconds that the server has for a graceful stop."""
        try:
            return self.config().limits.stop_timeout
        except ConfigError:
            return Limits().stop_timeout


def paths_of(config: Config) -> Paths:
    """Return the directories a server with ``config`` uses."""
    server = config.server
    return find(server.runtime_dir, server.state_dir, system=bool(server.user))


def _key(option: str) -> str:
    return option.partition("=")[0]


def _absolute(path: str | None) -> str | None:
    return os.path.abspath(path) if path is not None else None
