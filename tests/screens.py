"""Programs of other people on a terminal, driven as a person would: by keys, seeing the screen.

The terminal is tmux's (tmux(1)), with a server of its own for each program, so that nothing of the
user's own tmux is touched.
"""

import re
import shlex
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from harness import PATIENCE

COLUMNS, ROWS = 200, 60

LOOK_EVERY = 0.05
"""Seconds between two looks at the screen: tmux tells nobody that it has changed."""

LOST = re.compile(r"(?i)disconnect|reconnect|connection (lost|reset|closed)|lost connection")
"""What clients show when their connection ends."""


class Screen:
    """A program on a terminal of its own."""

    def __init__(
        self, directory: Path, *command: str, columns: int = COLUMNS, rows: int = ROWS
    ) -> None:
        directory.mkdir(exist_ok=True)
        self._socket = directory / "tmux"
        # A plain shell prompt of the user's would be looked at, too.
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows)),
            f"exec env TERM=screen LC_ALL=C.UTF-8 HOME={directory} {shlex.join(command)}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print(self.shown())
        self._tmux("kill-server", check=False)

    def type(self, text: str) -> None:
        """Type a line."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names for them: ``PageUp``, ``M-2``, ``Tab``, ``a``."""
        self._tmux("send-keys", *keys)

    def write(self, text: str) -> None:
        """Type ``text`` and no Enter."""
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def shown(self) -> str:
        """Return what is on the screen now."""
        return self._tmux("capture-pane", "-p", check=False)

    def pane(self, what: str) -> str:
        """Return what tmux knows of the terminal: a FORMAT of tmux(1)."""
        return self._tmux("display-message", "-p", what).strip()

    def sees(self, pattern: str, patience: float = PATIENCE) -> str:
        """Wait until something like ``pattern`` is on the screen; return all of it."""
        deadline = time.monotonic() + patience
        while True:
            shown = self.shown()
            if re.search(pattern, shown):
                return shown
            assert time.monotonic() < deadline, f"no {pattern!r} on this screen:\n{shown}"
            time.sleep(LOOK_EVERY)

    def has_noticed_nothing(self) -> None:
        """See that nothing on the screen speaks of a connection that has ended."""
        shown = self.shown()
        assert not LOST.search(shown), shown

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=check,
        )
        return done.stdout


class Start(Protocol):
    """Starts a client of IRC, connected as ``nick``."""

    def __call__(
        self, directory: Path, nick: str, port: int, *, host: str = "127.0.0.1", tls: bool
    ) -> Screen: ...


def weechat(
    directory: Path, nick: str, port: int, *settings: str, host: str = "127.0.0.1", tls: bool
) -> Screen:
    """Start WeeChat (weechat(1)), connected as ``nick``; ``settings``: of the server, each one."""
    version = subprocess.check_output(["weechat", "--version"], text=True, timeout=PATIENCE)
    # Called so since 4.0, and then the default.
    word = "tls" if int(version.partition(".")[0]) >= 4 else "ssl"
    encrypted = f"-{word} -{word}_verify=off" if tls else f"-no{word}"
    commands = [
        # The bar of nicks and the title would cut lines in two.
        "/bar hide nicklist",
        "/set irc.look.smart_filter off",
        "/set irc.server_default.capabilities *",
        # It connects again by itself, which must not go unseen.
        "/set irc.server_default.autoreconnect off",
        f"/server add chatd {host}/{port} {encrypted}",
        f"/set irc.server.chatd.nicks {nick}",
        *(f"/set irc.server.chatd.{setting}" for setting in settings),
        "/connect chatd",
        "/buffer irc.server.chatd",
    ]
    return Screen(directory, "weechat", "--dir", str(directory), "-r", ";".join(commands))


def catgirl(directory: Path, nick: str, port: int, *options: str, host: str) -> Screen:
    """Start catgirl (catgirl(1)), which speaks TLS and nothing else, connected as ``nick``."""
    return Screen(directory, "catgirl", "-h", host, "-p", str(port), "-n", nick, *options)


def irssi(directory: Path, nick: str, port: int, *, host: str = "127.0.0.1", tls: bool) -> Screen:
    """Start irssi (irssi(1)), connected as ``nick``."""
    tls_settings = "use_tls = yes; tls_verify = no;" if tls else "use_tls = no;"
    directory.mkdir(exist_ok=True)
    (directory / "config").write_text(
        f"""
servers = ({{ address = "{host}"; port = {port}; chatnet = "chatd"; autoconnect = yes;
    {tls_settings} }});
chatnets = {{ chatd = {{ type = "IRC"; }}; }};
settings = {{ core = {{ nick = "{nick}"; user_name = "{nick}"; real_name = "{nick}";
    server_reconnect_time = "1h"; }}; "fe-text" = {{ term_charset = "UTF-8"; }};
    "irc/core" = {{ cmd_queue_speed = "1msec"; cmds_max_at_once = "100"; }}; }};
"""
    )
    return Screen(directory, "irssi", f"--home={directory}")
