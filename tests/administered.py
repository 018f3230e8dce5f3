"""A server that an administrator has commands carried out on, from outside."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import Server, serving
from irc_harness import IRC_CONFIG, IrcClient
from server_commands import run_chatd

TEXT_TOO = '\n[[listen]]\naddress = "127.0.0.1:0"\n'


@contextmanager
def administered(directory: Path) -> Iterator[Server]:
    """Run a server with a supervisor, for IRC (its first port) and text (``port``)."""
    with serving(directory, IRC_CONFIG + TEXT_TOO, supervised=True) as running:
        running.port = running.ports[1]
        yield running


def asked(server: Server, *command: str) -> subprocess.CompletedProcess[str]:
    """Return how ``command`` of chatd ended, and what it said."""
    return run_chatd(command[0], f"--runtime-dir={server.runtime_dir}", *command[1:])


def done(server: Server, *command: str) -> str:
    """Return what ``command`` of chatd printed, which must have gone well."""
    result = asked(server, *command)
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout


def person(server: Server, nick: str, caps: str = "") -> IrcClient:
    """Return somebody on IRC, called ``nick``, in #lobby."""
    client = IrcClient(server.ports[0])
    wanted = [f"CAP REQ :{caps}", "CAP END"] if caps else []
    client.send(*wanted, f"NICK {nick}", f"USER {nick} 0 * :{nick}", "JOIN #lobby")
    client.until("366")
    return client
