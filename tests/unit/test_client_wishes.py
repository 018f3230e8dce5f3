"""What follows from the configuration and the command line together; and where passwords are."""

import os
from pathlib import Path

import pytest

from chatd_client.exchange import Target
from chatd_client.habits import passwords
from chatd_client.habits.config import Config, Logs, Server
from chatd_client.habits.passwords import NoPassword, from_command, from_file
from chatd_client.habits.places import Places
from chatd_client.habits.wishes import NoServer, Options, Wish, wish
from chatd_workers.config_file import ConfigError

PLACES = Places(Path("/c"), Path("/s"))
NOTHING = Config()


def wished(config: Config = NOTHING, has_screen: bool = True, **options: object) -> Wish:
    made = Options(**options)  # type: ignore[arg-type]  # fields of Options
    return wish(made, config, PLACES, {"USER": "me"}, has_screen=has_screen)


def secret(tmp_path: Path, text: str = "hunter2\n", mode: int = 0o600) -> Path:
    path = tmp_path / "password"
    path.write_text(text)
    path.chmod(mode)
    return path


WORK = Config(
    server="work",
    nick="alice",
    realname="Alice",
    servers={
        "work": Server(address="ircs://chat.example.org:7000/lobby", rooms=("#ops",), backlog=50),
        "unnamed": Server(address="irc://bot@host", nick="robot", realname="R.", tls=True),
        "bad": Server(address="host:0"),
    },
)


def test_a_host_needs_no_configuration() -> None:
    assert wished(server="host:5015") == Wish(
        Target(host="host", port=5015, nick="me"), None, "host:5015"
    )


def test_the_default_server_is_taken_by_its_name() -> None:
    assert wished(WORK).target == Target(
        host="chat.example.org",
        port=7000,
        tls=True,
        dialect="irc",
        nick="alice",
        realname="Alice",
        rooms=("#lobby", "#ops"),
        backlog=50,
    )


def test_the_nearest_word_about_who_one_is_holds() -> None:
    assert wished(WORK, server="unnamed").target.nick == "robot"
    assert wished(WORK, server="unnamed").target.realname == "R."
    assert wished(WORK, server="irc://bot@host").target.nick == "bot"
    assert wished(WORK, server="host").target.nick == "alice"
    assert wished(WORK, server="unnamed", nick="x").target.nick == "x"


def test_rooms_of_the_command_line_stand_instead_of_the_configured_ones() -> None:
    assert wished(WORK, server="work", rooms=("#deploy",)).target.rooms == ("#lobby", "#deploy")


def test_a_script_sees_nothing_of_the_past() -> None:
    assert wished(WORK, has_screen=False).target.backlog == 0


def test_without_any_server() -> None:
    with pytest.raises(NoServer, match=r"no server is named, and /c/config\.toml has no key"):
        wished()
    with pytest.raises(NoServer, match=r"servers\.bad\.address = 'host:0': '0' is not a port"):
        wished(WORK, server="bad")
    with pytest.raises(NoServer, match="'gopher' is none of chat, "):
        wished(server="gopher://host")


@pytest.mark.parametrize(
    ("logs", "server", "option", "has_screen", "logged"),
    [
        (False, None, None, True, False),
        (True, None, None, True, True),
        (True, False, None, True, False),
        (False, True, None, True, True),
        (True, True, None, False, False),
        (True, True, False, True, False),
        (False, None, True, False, True),
    ],
)
def test_when_there_are_logs(
    logs: bool, server: bool | None, option: bool | None, has_screen: bool, logged: bool
) -> None:
    config = Config(logs=Logs(rooms=logs), servers={"a": Server(address="h", log=server)})
    found = wished(config, has_screen, server="a", log=option)
    assert (found.log_dir, found.log_name) == (Path("/s/logs") if logged else None, "a")


def test_logs_elsewhere_are_called_as_the_server_was_written() -> None:
    config = Config(logs=Logs(rooms=True, directory="~/chat"))
    found = wished(config, server="chat://me@host:1")
    assert (found.log_dir, found.log_name) == (Path.home() / "chat", "host:1")


def test_passwords_come_from_where_they_may_be(tmp_path: Path) -> None:
    path = secret(tmp_path)
    server = Server(address="h", account="alice", password_file=str(path))
    config = Config(servers={"a": server})
    assert wished(config, server="a").target.password == "hunter2"
    assert wished(config, server="a").target.account == "alice"
    server = Server(address="h", account="alice", password_command="echo swordfish; echo more")
    config = Config(servers={"a": server})
    assert wished(config, server="a").target.password == "swordfish"
    assert wished(config, server="a", password_file=str(path)).target.password == "hunter2"
    with pytest.raises(ConfigError, match="--account needs --password-file"):
        wished(config, server="a", account="bob")
    server = Server(address="h", server_password_file=str(path))
    assert wished(Config(servers={"a": server}), server="a").target.server_password == "hunter2"


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = secret(tmp_path, mode=0o640)
    with pytest.raises(NoPassword, match="can be read by others; chmod 600"):
        from_file(path)


def test_a_file_descriptor_will_do() -> None:
    read, write = os.pipe()
    os.write(write, b"hunter2\r\n")
    os.close(write)
    assert from_file(Path(f"/dev/fd/{read}")) == "hunter2"
    os.close(read)


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "is empty"), ("\nx", "is empty"), ("x" * 2000, "no password"), ("a\0b", "no password")],
)
def test_what_is_no_password(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(NoPassword, match=why):
        from_file(secret(tmp_path, text))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("exit 3", "'exit 3' exited with status 3"),
        ("kill -9 $$", "was killed by signal 9"),
        ("true", "the first line of 'true' is empty"),
        ("printf '\\377'", "is not UTF-8"),
    ],
)
def test_a_command_that_has_no_password(command: str, why: str) -> None:
    with pytest.raises(NoPassword, match=why.replace("$", r"\$")):
        from_command(command)


def test_a_command_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COMMAND_TIMEOUT", 0.1)
    with pytest.raises(NoPassword, match=r"has not ended within 0\.1 s"):
        from_command("exec sleep 60")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoPassword, match="cannot be read: No such file"):
        from_file(tmp_path / "nothing")
