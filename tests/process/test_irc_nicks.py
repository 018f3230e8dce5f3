"""Clients of other people log in, and are called as they asked to be, whatever comes first.

They say NICK before they log in, and most take the first refusal for the last word.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from conformance.proofs import prove
from harness import CHAT_CLIENT, chatd, serving
from irc_harness import IRC_CONFIG, IrcClient, enter
from screens import catgirl, weechat
from secure import HOST, Pem, make_certificate, tls_listener

ROOM = "#tea"
PASSWORD = "sesame-1"

LOGIN = 60.0
"""Seconds in which a client has started and logged in, on a machine that does much else: passwords
are hashed when nobody else wants the processor."""


class Place(NamedTuple):
    """Where the server is, and where the client under test may write."""

    directory: Path
    port: int
    tls_port: int
    pem: Pem


Client = Callable[[Place, ExitStack], object]
"""Starts a client that logs in to ``alice``, asks for her nick and joins ROOM."""


def _weechat(mechanism: str) -> Client:
    def start(place: Place, until: ExitStack) -> None:
        settings = (
            f"sasl_mechanism {mechanism}",
            "sasl_username alice",
            f"sasl_password {PASSWORD}",
            f"autojoin {ROOM}",
        )
        until.enter_context(
            weechat(place.directory / "weechat", "alice", place.port, *settings, tls=False)
        )

    return start


def _catgirl(*options: str) -> Client:
    def start(place: Place, until: ExitStack) -> None:
        trusting = ("-t", str(place.pem.cert), "-j", ROOM)
        until.enter_context(
            catgirl(
                place.directory / "catgirl",
                "alice",
                place.tls_port,
                *trusting,
                *(option.format(place=place) for option in options),
                host=HOST,
            )
        )

    return start


def _limnoria(place: Place, until: ExitStack) -> None:
    directory = place.directory / "limnoria"
    directory.mkdir()
    settings = {
        "nick": "alice",
        "networks": "chatd",
        "networks.chatd.servers": f"127.0.0.1:{place.port}",
        "networks.chatd.ssl": "False",
        "networks.chatd.channels": ROOM,
        "networks.chatd.sasl.username": "alice",
        "networks.chatd.sasl.password": PASSWORD,
        "networks.chatd.sasl.mechanisms": "plain",
        "directories.conf": directory / "conf",
        "directories.data": directory / "data",
        "directories.log": directory / "log",
        "directories.backup": directory / "backup",
        "log.stdout": "False",
        "defaultIgnore": "False",
    }
    file = directory / "bot.conf"
    file.write_text("".join(f"supybot.{name}: {value}\n" for name, value in settings.items()))
    command = ["supybot", "--allow-root", "--disable-multiprocessing", str(file)]
    until.enter_context(_running(command, directory))


def _chat_client(place: Place, until: ExitStack) -> None:
    password = place.directory / "password"
    password.touch(mode=0o600)
    password.write_text(f"{PASSWORD}\n")
    options = ["--nick", "alice", "--account", "alice", "--password-file", str(password)]
    server = f"127.0.0.1:{place.port}"
    until.enter_context(
        _running([CHAT_CLIENT, server, *options, "--room", ROOM], place.directory, stdin=True)
    )


@contextmanager
def _running(command: list[str], directory: Path, *, stdin: bool = False) -> Iterator[None]:
    """Run ``command``, at home in ``directory``; its input stays open if it has one."""
    process = subprocess.Popen(
        command,
        cwd=directory,
        env={**os.environ, "HOME": str(directory)},
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    with process:
        try:
            yield
            assert process.poll() is None, "it has ended"
        finally:
            process.kill()


CLIENTS: dict[str, Client] = {
    "weechat-plain": _weechat("plain"),
    "weechat-scram": _weechat("scram-sha-256"),
    "catgirl-plain": _catgirl("-a", f"alice:{PASSWORD}"),
    "catgirl-external": _catgirl(
        "-e", "-c", "{place.directory}/alice.crt", "-k", "{place.directory}/alice.key"
    ),
    "limnoria": _limnoria,
    "chat-client": _chat_client,
}


@contextmanager
def having_alice(directory: Path) -> Iterator[Place]:
    """Run a server on which alice has an account, with a certificate of hers."""
    pem = make_certificate(directory, "chatd")
    alice = make_certificate(directory, "alice")
    config = IRC_CONFIG + tls_listener(pem, 'dialect = "irc"')
    with serving(directory, config) as server:
        with enter(server.port, "alice") as client:
            client.send(f"REGISTER * * {PASSWORD}")
            client.until("REGISTER", "SUCCESS", patience=LOGIN)
        chatd(server, "account", "certificate", "add", "alice", alice.fingerprint)
        yield Place(directory, server.port, server.ports[1], pem)


@pytest.mark.parametrize("client", CLIENTS)
def test_who_logs_in_is_called_as_its_account(tmp_path: Path, client: str) -> None:
    with (
        having_alice(tmp_path) as place,
        enter(place.port, "bob", "extended-join") as bob,
        ExitStack() as until,
    ):
        bob.send(f"JOIN {ROOM}")
        bob.until("366")
        CLIENTS[client](place, until)
        joined = bob.until("JOIN", ROOM, patience=LOGIN)[-1]
        assert (joined.nick, joined.params[1]) == ("alice", "alice")


def test_it_takes_the_nick_from_its_ghost_at_once(tmp_path: Path) -> None:
    with (
        having_alice(tmp_path) as place,
        enter(place.port, "bob", "extended-join") as bob,
        IrcClient(place.port) as ghost,
        ExitStack() as until,
    ):
        ghost.negotiate(["sasl"])
        prove(ghost, "alice", PASSWORD, "PLAIN")
        ghost.send("NICK alice", "USER alice 0 * :Alice", "CAP END", f"JOIN {ROOM}")
        ghost.until("366", patience=LOGIN)
        bob.send(f"JOIN {ROOM}")
        bob.until("366")
        _weechat("scram-sha-256")(place, until)
        (renamed,) = [m for m in bob.until("JOIN", ROOM, patience=LOGIN) if m.verb == "NICK"]
        assert (renamed.nick, renamed.params) == ("alice", ["guest1"])
