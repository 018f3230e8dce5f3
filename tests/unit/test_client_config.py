"""The configuration of chat-client: what is read, what is said of what cannot be, and its page."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatd_client.habits import places
from chatd_client.habits.config import FORM, Config, Logs, Screen, Server, load
from chatd_client.screen.notifying import How
from chatd_client.screen.themes import THEMES
from chatd_workers.config_file import ConfigError
from chatd_workers.config_keys import Key, keys_of

PAGE = Path(__file__).resolve().parents[2] / "man" / "chat-client.toml.5"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def complaint(file: Path, text: str) -> str:
    """Return what is said of ``text``, without the file's name, which must come first."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(file)
    said = str(raised.value)
    assert said.startswith(f"{file}: ")
    return said.removeprefix(f"{file}: ")


def test_without_a_file_the_defaults_hold(file: Path) -> None:
    assert load(None) == Config()
    assert load(file, must_exist=False) == Config()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(file)


def test_every_key_is_read(file: Path) -> None:
    file.write_text(
        """
        server = "work"
        nick = "alice"
        realname = "Alice A."
        [screen]
        theme = "light"
        keys = "vi"
        mouse = true
        notify = "osc777"
        words = ["backup"]
        typing = false
        history = false
        [logs]
        rooms = true
        directory = "~/logs"
        [servers.work]
        address = "ircs://chat.example.org"
        nick = "a"
        realname = "A."
        rooms = ["#ops", "#door key"]
        account = "alice"
        password_command = "pass chat"
        server_password_file = "/etc/pw"
        pin = "0a:1b"
        ca_file = "~/ca.pem"
        insecure = true
        tls = true
        lab = false
        backlog = 7
        log = false
        """.replace("0a:1b", "ab" * 32)
    )
    assert load(file) == Config(
        server="work",
        nick="alice",
        realname="Alice A.",
        screen=Screen(
            theme="light",
            keys="vi",
            mouse=True,
            notify="osc777",
            words=("backup",),
            typing=False,
            history=False,
        ),
        logs=Logs(rooms=True, directory="~/logs"),
        servers={
            "work": Server(
                address="ircs://chat.example.org",
                nick="a",
                realname="A.",
                rooms=("#ops", "#door key"),
                account="alice",
                password_command="pass chat",
                server_password_file="/etc/pw",
                pin="ab" * 32,
                ca_file="~/ca.pem",
                insecure=True,
                tls=True,
                lab=False,
                backlog=7,
                log=False,
            )
        },
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 1", "port: unknown key (allowed: server, nick, realname, screen, logs, servers)"),
        (
            "[logs]\nroom = true",
            "logs.room: unknown key; did you mean rooms? (allowed: rooms, directory)",
        ),
        ("screen = 3", "screen = 3: must be a table"),
        ('[screen]\nkeys = "nano"', 'screen.keys = "nano": must be one of emacs, vi'),
        ("[screen]\nmouse = 1", "screen.mouse = 1: must be true or false"),
        ("[screen]\nwords = [1]", "screen.words[1] = 1: must be a list of strings"),
        (
            '[logs]\ndirectory = "logs"',
            'logs.directory = "logs": must be a path that is absolute or begins with ~/',
        ),
        (
            'nick = "a\\nb"',
            'nick = "a\\nb": must be one line without control characters',
        ),
        ("servers = 1", "servers: must be tables [servers.NAME]"),
        ("servers.a = 1", "servers.a = 1: must be a table"),
        (
            '[servers."a.b"]\naddress = "x"',
            "servers.a.b: must be named with up to 63 letters, digits, - and _",
        ),
        (
            "[servers.a]",
            "servers.a.address: is missing; must be what stands for SERVER on the command line",
        ),
        (
            '[servers.a]\naddress = "x"\n[servers.b]\naddress = "y"\nbacklog = -1',
            "servers.b.backlog = -1: must be an integer from 0 to 2000",
        ),
        (
            '[servers.a]\naddress = "x"\npin = "1234"',
            'servers.a.pin = "1234": must be a SHA-256 in hexadecimal',
        ),
        (
            '[servers.a]\naddress = "x"\naccount = "alice"',
            'servers.a.account = "alice": needs password_file or password_command',
        ),
        ("=", "is not valid TOML: Invalid statement (at line 1, column 1)"),
    ],
)
def test_what_is_wrong_is_said(file: Path, text: str, said: str) -> None:
    assert complaint(file, text) == said


@given(text=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_whatever_is_wrong_is_said_in_one_harmless_line(file: Path, text: str) -> None:
    quoted = json.dumps(text, ensure_ascii=True)
    if re.search(r"\\ud[89a-f]", quoted):
        return
    for document in (
        f"[logs]\n{quoted} = 1",
        f"[servers.{quoted}]\nx = 1",
        f"[screen]\ntheme = {quoted}",
    ):
        if document.endswith("1") or text not in THEMES:
            assert complaint(file, document).isprintable()


def test_places_follow_the_xdg_directories() -> None:
    found = places.find({"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"})
    assert found.config_file == Path("/c/chat-client/config.toml")
    assert found.history_file == Path("/s/chat-client/history")
    assert found.log_dir == Path("/s/chat-client/logs")
    # A relative path is to be ignored.
    found = places.find({"XDG_CONFIG_HOME": "c"})
    assert found.config_file == Path.home() / ".config/chat-client/config.toml"
    assert found.state_dir == Path.home() / ".local/state/chat-client"


def test_the_screen_knows_all_that_can_be_chosen() -> None:
    hints = Screen.__annotations__
    assert get_args(get_args(hints["theme"])[0]) == THEMES
    assert get_args(get_args(hints["notify"])[0]) == tuple(How)


def items(heading: str) -> dict[str, str]:
    """Return each key below ``heading`` of the page with what stands below it, in one line."""
    text = PAGE.read_text("utf-8")
    found = re.search(
        rf"^\.Ss {re.escape(heading)}\n(.*?)(?=^\.S[hs] |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, f"no {heading}"
    parts = re.split(r"^\.It Ic ", found[1], flags=re.MULTILINE)[1:]
    return {head: plain(body) for head, _, body in (part.partition("\n") for part in parts)}


def plain(text: str) -> str:
    text = re.sub(r"^\.Xr (\S+) (\d)", r"\1(\2)", text, flags=re.MULTILINE)
    text = re.sub(r"^\.(Ic|Li|Pa|Va|Nm|Cm|Fl|Ev|Ar|Sy) ", "", text, flags=re.MULTILINE)
    return " ".join(text.replace(r"\(dq", '"').split())


HEADINGS = {"": "The file", "screen": "[screen]", "logs": "[logs]", "servers": "[servers.NAME]"}


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (table, key)
        for table, kind in FORM.tables.items()
        for key in keys_of(kind)
        if table or key.name not in FORM.tables
    ],
    ids=lambda value: value.name if isinstance(value, Key) else value or "-",
)
def test_every_key_is_documented_with_what_it_may_be_and_default(table: str, key: Key) -> None:
    text = items(HEADINGS[table])[key.name]
    assert text.startswith(plain(key.description))
    assert key.allowed.lower() in text.lower()
    if isinstance(key.default, (bool, int)) or key.name in ("theme", "keys", "notify"):
        assert f"The default is {json.dumps(key.default)}" in text


def test_no_key_is_documented_that_is_not_there() -> None:
    for table, kind in FORM.tables.items():
        wanted = [name for name in kind.__struct_fields__ if table or name not in FORM.tables]
        assert list(items(HEADINGS[table])) == wanted
