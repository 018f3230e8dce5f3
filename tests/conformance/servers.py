"""The servers that rows are played against, each started when the first row asks for it."""

from contextlib import ExitStack
from pathlib import Path

from argon2 import PasswordHasher

from irc_harness import IRC_CONFIG, OPER, irc_serving

LIMITS = """
[limits]
max_clients_per_ip = 0
connect_rate = 0
message_rate = 0
join_rate = 0
nick_rate = 0
"""
"""Nobody is slowed down: all clients of all rows come from one address."""

MOTD = "Be kind.\nAnd a second line."

PASSWORD = "letmein"


def with_server_key(line: str) -> str:
    """Return the usual configuration with another line in ``[server]``."""
    return IRC_CONFIG.replace("[server]\n", f"[server]\n{line}\n", 1) + LIMITS


HASHED = PasswordHasher(time_cost=1, memory_cost=64).hash(OPER[1])
"""The operator's password as it should be in a configuration; cheap to check."""

CONFIGS = {
    "usual": IRC_CONFIG + LIMITS,
    "password": with_server_key(f'password = "{PASSWORD}"'),
    "motd": with_server_key(f'motd = """\n{MOTD}"""\nadmin = "Ann Example\\nRoom 1\\nann@example"'),
    "hashed": IRC_CONFIG.replace(f'"{OPER[1]}"', f'"{HASHED}"') + LIMITS,
    "hasty": IRC_CONFIG + LIMITS + "registration_timeout = 1\n",
    "crowded": IRC_CONFIG + LIMITS + "max_rooms = 2\n",
    "small": IRC_CONFIG + LIMITS + "monitor_entries = 3\nwhowas_entries = 4\n",
}


class Servers:
    """Ports of running servers by the name of their configuration."""

    def __init__(self, directory: Path, against: str | None = None) -> None:
        """``against``: the port of a server that runs already, instead of all of them."""
        self._directory = directory
        self._running = ExitStack()
        self._ports: dict[str, int] = {}
        self._against = int(against) if against else 0

    def port(self, name: str) -> int:
        """Return the port of a server with that configuration; start it if need be."""
        if self._against:
            return self._against
        if name not in self._ports:
            server = irc_serving(self._directory / name, CONFIGS[name])
            self._ports[name] = self._running.enter_context(server).port
        return self._ports[name]

    def stop(self) -> None:
        """Stop all of them, and see that they end well."""
        self._running.close()
