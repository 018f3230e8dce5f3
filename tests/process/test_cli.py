"""The command ``chatd`` as people and programs use it: what it prints, and its exit codes."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor.asking import ControlError
from chatd_supervisor.asking import ask as control
from chatd_supervisor.tables import COLUMNS
from harness import CHATD, PATIENCE, Client, Server, eventually, serving
from server_commands import run_chatd


def chatd(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run_chatd(*arguments, env={**os.environ, **environ})


def ask(server: Server, command: str, *more: str) -> str:
    done = chatd(command, f"--runtime-dir={server.runtime_dir}", *more)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def session_of(server: Server, nick: str) -> dict[str, Any]:
    sessions: list[dict[str, Any]] = json.loads(ask(server, "ps", "--json"))
    return next(session for session in sessions if session["nick"] == nick)


def test_version_and_help() -> None:
    assert re.fullmatch(r"chatd \d+\.\d+\.\d+\n", chatd("--version").stdout)
    shown = chatd("-h").stdout
    assert shown == chatd("--help").stdout
    commands = ["run", "start", "stop", "restart", "reload", "status", "ps", "check-config"]
    for command in commands:
        assert re.search(rf"^  {command} +\w", shown, re.MULTILINE)
        assert chatd(command, "-h").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["run", "--loud"],
        ["run", "--log-level=loud"],
        ["run", "--listen=5015"],
        ["start", "--listen=localhost:99999"],
        ["status", "--listen=:5015"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2_and_says_what(arguments: list[str]) -> None:
    done = chatd(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"^Error: .+", done.stderr, re.MULTILINE)


@pytest.mark.parametrize("command", ["status", "ps", "reload", "stop"])
def test_asking_when_nothing_runs_is_status_3(tmp_path: Path, command: str) -> None:
    for directory in (tmp_path, tmp_path / "nowhere"):
        done = chatd(command, f"--runtime-dir={directory}")
        assert (done.returncode, done.stdout) == (3, "")
        assert re.fullmatch(r"chatd: .*not running.*\n", done.stderr)
        assert str(directory) in done.stderr


def test_a_broken_configuration_is_status_78_before_anything_happens(tmp_path: Path) -> None:
    file = tmp_path / "chatd.toml"
    file.write_text("[limits]\nmax_client = 3\n")
    said = f"chatd: {file}: limits.max_client: unknown key; did you mean max_clients? (allowed: "
    for command in ("run", "start", "restart", "check-config", "status"):
        done = chatd(command, f"--config={file}", XDG_RUNTIME_DIR=str(tmp_path))
        assert (done.returncode, done.stdout) == (78, "")
        assert done.stderr.startswith(said)
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]


def test_check_config(tmp_path: Path) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    file = tmp_path / "chatd" / "chatd.toml"
    file.parent.mkdir()
    shown = chatd("check-config", "--show", "--config=/dev/null")
    assert (shown.returncode, shown.stderr) == (0, "")
    file.write_text(shown.stdout)
    done = chatd("check-config", **home)
    assert (done.returncode, done.stdout) == (0, f"{file}: can be used\n")


def test_a_relative_configuration_is_the_one_here(tmp_path: Path) -> None:
    (tmp_path / "here.toml").write_text("")
    done = subprocess.run(
        [CHATD, "check-config", "--config=here.toml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout == f"{tmp_path}/here.toml: can be used\n"


def test_status(server: Server) -> None:
    server.connect("alice")
    answer = json.loads(ask(server, "status", "--json"))
    assert answer["pid"] == server.pid
    assert answer["state"] == "serving"
    assert answer["clients"] == 1
    shown = ask(server, "status")
    for line in (
        rf"pid +{server.pid}",
        r"state +serving",
        r"started +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(up \d+s\)",
        rf"listen +127\.0\.0\.1:{server.port} \(text\)",
        r"clients +1",
    ):
        assert re.search(rf"^{line}$", shown, re.MULTILINE), shown


def test_ps_has_a_line_for_each_client_with_straight_columns(server: Server) -> None:
    alice = server.connect("alice")
    sato = server.connect("佐藤")
    alice.send("one\ntwo\n")
    sato.until("alice : two")
    sato.send("/join #ops\n")
    sato.until("you are in #ops")
    head, *rows = ask(server, "ps").splitlines()
    assert head.split() == [column.upper() for column in COLUMNS]
    first, second = ([*row.split()[:2], *row.split()[3:5], row.split()[6]] for row in rows)
    peer = f"127.0.0.1:{alice.socket.getsockname()[1]}"
    assert first[:5] == [str(server.worker_of("alice")), "alice", peer, "text", "#lobby"]
    assert (second[1], second[4]) == ("佐藤", "#ops")
    # 佐藤 is two characters in four columns.
    assert rows[0].index("127.") == head.index("PEER")
    assert rows[1].index("127.") == head.index("PEER") - 2


def test_ps_shows_whom_one_looks_for_in_the_order_one_wants(server: Server) -> None:
    for nick in ("alice", "bob", "bot1"):
        server.connect(nick).send("/join #ops\n" if nick == "alice" else "hm\n")
    eventually("all have spoken", lambda: session_of(server, "bot1")["lines"] == 2)
    eventually("alice is gone", lambda: session_of(server, "alice")["room"] == "#ops")

    def nicks(*options: str) -> list[str]:
        return [row.split()[1] for row in ask(server, "ps", *options).splitlines()[1:]]

    assert nicks() == ["alice", "bob", "bot1"]
    assert nicks("--where", "nick=BO*", "--sort", "nick", "--reverse") == ["bot1", "bob"]
    assert nicks("--where", "room=#ops") == ["alice"]
    assert nicks("--sort", "idle")[0] == "alice", "she has never said anything"
    wrong = chatd("ps", f"--runtime-dir={server.runtime_dir}", "--where", "shoe=42")
    assert wrong.returncode == 2
    assert "is to be COLUMN=PATTERN" in wrong.stderr


@pytest.mark.parametrize(
    ("request_", "lacking"), [("account", "name"), ("upgrade", "python")], ids=str
)
def test_a_request_that_lacks_something_is_told_what(
    server: Server, request_: str, lacking: str
) -> None:
    with pytest.raises(ControlError, match=f"the request lacks {lacking}$"):
        control(server.runtime_dir / "control.sock", request_)
    assert server.ask("status")["state"] == "serving"


def test_ps_follows_a_worker_that_was_killed(server: Server) -> None:
    alice = server.connect("alice")
    before = session_of(server, "alice")
    os.kill(before["pid"], signal.SIGKILL)
    alice.send("still here\n")
    alice.until("alice : still here")
    after = eventually(
        "a successor", lambda: (s := session_of(server, "alice"))["pid"] != before["pid"] and s
    )
    assert isinstance(after, dict)
    assert after["restarts"] == before["restarts"] + 1
    assert after["session"] == before["session"]


def test_ps_into_a_pipe_that_closes_early_is_quiet(server: Server) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{CHATD} ps --runtime-dir={server.runtime_dir} | true"],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stderr == b""


def test_the_control_socket_is_its_owners(server: Server) -> None:
    assert stat.S_IMODE((server.runtime_dir / "control.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE(server.runtime_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_run_ends_with_status_0_on_a_signal(tmp_path: Path, signal_number: signal.Signals) -> None:
    with serving(tmp_path) as server:
        server.process.send_signal(signal_number)
        assert server.process.wait(PATIENCE) == 0
        assert f"stopping on={signal_number.name}" in server.log()


def test_usr1_writes_state_and_stack_to_the_log(server: Server) -> None:
    alice = server.connect("alice")
    os.kill(server.pid, signal.SIGUSR1)
    eventually(
        "master's",
        lambda: re.search(r'master traced pid=\d+ status=.*\\"clients\\": 1', server.log()),
    )
    os.kill(server.worker_of("alice"), signal.SIGUSR1)
    eventually(
        "worker's",
        lambda: re.search(
            r"worker traced session=\d+ pid=\d+\n    chatd: alice@\S+ text #lobby: ", server.log()
        ),
    )
    eventually("its stack", lambda: "in _follow" in server.log())
    assert alice.silent()


def test_run_says_how_to_open_it_to_others_if_it_is_not(server: Server) -> None:
    assert f"INFO chatd: listening address=127.0.0.1:{server.port} way=text\n" in server.log()
    assert 'only this machine can connect hint="--listen :5015 opens it to others"' in server.log()


def test_run_says_nothing_of_it_if_it_is_open(tmp_path: Path) -> None:
    with serving(tmp_path, '[[listen]]\naddress = ":0"\n') as server:
        assert "only this machine" not in server.log()


def test_a_log_whose_reader_is_gone_stops_nobody(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    command = [CHATD, "run", f"--runtime-dir={tmp_path}/r", f"--state-dir={tmp_path}/s"]
    with subprocess.Popen([*command, "--listen=127.0.0.1:0"], stderr=writing) as process:
        os.close(writing)
        said = b""
        while b"chatd: ready " not in said:
            piece = os.read(reading, 1 << 16)
            assert piece, said
            said += piece
        os.close(reading)
        found = re.search(rb"listening address=127\.0\.0\.1:(\d+)", said)
        assert found
        client = Client(int(found[1])).greet("alice")
        client.send("hello\n")
        client.until("alice : hello")
        client.close()
        assert chatd("stop", f"--runtime-dir={tmp_path}/r").returncode == 0
        assert process.wait(PATIENCE) == 0


def test_directories_may_come_from_the_environment(tmp_path: Path) -> None:
    places = {
        "RUNTIME_DIRECTORY": f"{tmp_path}/run:{tmp_path}/other",
        "STATE_DIRECTORY": f"{tmp_path}/state",
        "XDG_RUNTIME_DIR": f"{tmp_path}/xdg",
    }
    done = chatd("start", "--config=/dev/null", "--listen=127.0.0.1:0", **places)
    assert (done.returncode, done.stderr) == (0, "")
    try:
        assert (tmp_path / "run" / "chatd.pid").exists()
        assert (tmp_path / "state" / "chatd.log").exists()
        assert chatd("status", "--config=/dev/null", **places).returncode == 0
    finally:
        assert chatd("stop", "--config=/dev/null", **places).returncode == 0
    assert not (tmp_path / "xdg").exists()


def test_commands_that_ask_import_nothing_heavy() -> None:
    heavy = ("asyncio", "multiprocess", "ssl", "setproctitle", "chatd_supervisor.master")
    script = f"import sys, chatd_supervisor.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout == "[]\n"
