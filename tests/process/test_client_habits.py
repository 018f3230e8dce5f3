"""What chat-client finds at home: its configuration, logs, what was typed, and what shells ask."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from client_harness import Terminal
from harness import CHAT_CLIENT, PATIENCE, Server, eventually
from screens import Screen


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home directory, with the directory of the configuration in it."""
    (tmp_path / "home/.config/chat-client").mkdir(parents=True)
    return tmp_path / "home"


def configure(home: Path, text: str) -> Path:
    path = home / ".config/chat-client/config.toml"
    path.write_text(text)
    return path


def run(home: Path, *arguments: str, said: str = "", **variables: str) -> tuple[int, str, str]:
    """Run chat-client at ``home``; return its exit code and what it writes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    done = subprocess.run(
        [CHAT_CLIENT, *arguments],
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**environment, "HOME": str(home), **variables},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def logged(path: Path) -> list[str]:
    """Return the lines of a log without their times, which must be ones."""
    lines = path.read_text().splitlines()
    for line in lines:
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line)
    return [line.partition(" ")[2] for line in lines]


def test_a_server_with_a_name(home: Path, server: Server) -> None:
    bob = server.connect("bob")
    configure(home, f'nick = "bot"\n[servers.work]\naddress = "127.0.0.1:{server.port}"\n')
    code, _, complaint = run(home, "work", said="by name\n")
    assert (code, complaint) == (0, "")
    bob.until("bot : by name")


def test_the_server_that_is_meant_if_none_is_named(home: Path, server: Server) -> None:
    bob = server.connect("bob")
    configure(home, f'server = "127.0.0.1:{server.port}"\nnick = "bot"\n')
    assert run(home, "--nick", "other", said="by default\n")[0] == 0
    bob.until("other : by default")


def test_another_configuration(home: Path, tmp_path: Path, server: Server) -> None:
    bob = server.connect("bob")
    configure(home, "nonsense")
    path = tmp_path / "other.toml"
    path.write_text(f'server = "127.0.0.1:{server.port}"\nnick = "bot"\n')
    assert run(home, "--config", str(path), said="hello\n")[0] == 0
    bob.until("bot : hello")
    configure(home, path.read_text())
    assert run(home, "--config", str(tmp_path / "none"))[0] == 78


def test_no_server_at_all(home: Path) -> None:
    code, _, complaint = run(home)
    assert code == 2
    assert f"no server is named, and {home}/.config/chat-client/config.toml has no" in complaint


def test_a_configuration_that_cannot_be_used(home: Path) -> None:
    path = configure(home, "[screen]\ntheme = 1\n")
    code, _, complaint = run(home, "127.0.0.1:1")
    assert code == 78
    assert complaint == (
        f"chat-client: {path}: screen.theme = 1: must be one of dark, light, mono\n"
    )


def test_a_configuration_can_be_checked(home: Path) -> None:
    path = configure(home, 'server = "work"\n[servers.work]\naddress = "unix:/run/x"\n')
    assert run(home, "--check-config") == (0, f"{path} can be used\n", "")
    configure(home, '[servers.work]\naddress = "gopher://x"\n')
    code, _, complaint = run(home, "--check-config")
    assert code == 78
    assert "servers.work.address = 'gopher://x': 'gopher' is none of chat, " in complaint


def test_a_password_that_cannot_be_had(home: Path) -> None:
    configure(home, '[servers.a]\naddress = "h"\naccount = "alice"\npassword_command = "exit 4"\n')
    assert run(home, "a") == (78, "", "chat-client: 'exit 4' exited with status 4\n")


def test_logs_if_asked_for(home: Path, server: Server) -> None:
    address = f"127.0.0.1:{server.port}"
    for text in ("one", "two"):
        assert run(home, address, "--nick", "bot", "--log", said=f"{text}\n")[0] == 0
    path = home / ".local/state/chat-client/logs" / address.replace(".", "%2E").replace(":", "%3A")
    assert logged(path / "#lobby.log") == ["<bot> one", "<bot> two"]
    # A script does not log because somebody wants it on the screen.
    configure(home, "[logs]\nrooms = true\n")
    assert run(home, address, "--nick", "bot", said="three\n")[0] == 0
    assert len(logged(path / "#lobby.log")) == 2


def test_two_that_log_at_once(home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{server.port}"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    alice = Terminal(address, "--nick", "alice", "--plain", "--log")
    alice.sees("now called alice")
    code, shown, _ = run(home, address, "--nick", "bot", "--log", said="hello\n")
    assert code == 0
    assert "no logs: another chat-client writes the logs of this server" in shown
    alice.sees("bot : hello")
    alice.type("\x04")
    assert alice.exit_code() == 0
    [path] = (home / ".local/state/chat-client/logs").rglob("#lobby.log")
    assert logged(path) == ["<bot> hello"]


def test_what_was_typed_is_there_the_next_time(home: Path, server: Server) -> None:
    configure(home, f'server = "127.0.0.1:{server.port}"\nnick = "alice"\n')
    with Screen(home, "env", "-u", "XDG_CONFIG_HOME", "-u", "XDG_STATE_HOME", CHAT_CLIENT) as first:
        first.sees("alice  online")
        first.type("/for-later")
        first.sees("there is no command /for-later")
        first.type("/quit")
        eventually("it has left", lambda: "no command" not in first.shown())
    path = home / ".local/state/chat-client/history"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "/for-later" in path.read_text()


@pytest.mark.parametrize(
    ("shell", "variables", "offered"),
    [
        ("bash", {"COMP_WORDS": "chat-client w", "COMP_CWORD": "1"}, "plain,work\n"),
        ("zsh", {"COMP_WORDS": "chat-client w", "COMP_CWORD": "1"}, "plain\nwork\nunix:/w\n"),
        ("fish", {"COMP_WORDS": "chat-client w", "COMP_CWORD": "w"}, "plain,work\tunix:/w\n"),
        ("bash", {"COMP_WORDS": "chat-client --js", "COMP_CWORD": "1"}, "plain,--json\n"),
    ],
)
def test_shells_are_told_which_servers_have_names(
    home: Path, shell: str, variables: dict[str, str], offered: str
) -> None:
    configure(home, '[servers.work]\naddress = "unix:/w"\n[servers.home]\naddress = "unix:/h"\n')
    code, shown, complaint = run(home, **variables, _CHAT_CLIENT_COMPLETE=f"{shell}_complete")
    assert (shown, complaint) == (offered, "")
    assert code == 0


def test_bash_completes(home: Path) -> None:
    configure(home, '[servers.work]\naddress = "unix:/w"\n')
    script = (
        f'PATH={Path(CHAT_CLIENT).parent}:$PATH; eval "$(_CHAT_CLIENT_COMPLETE=bash_source '
        'chat-client)"; COMP_WORDS=(chat-client wo); COMP_CWORD=1; _chat_client_completion '
        'chat-client wo chat-client; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        check=True,
    )
    assert done.stdout == "work\n"
