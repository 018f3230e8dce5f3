"""``chatd restart``: with the options of the server that runs, unless others are given."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Client
from server_commands import ServerCommands, run_chatd

CONFIG = """
[limits]
stop_timeout = 0.5
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[ServerCommands]:
    """Commands for a daemon, and no daemon left when the test is over."""
    one = ServerCommands(tmp_path, CONFIG)
    yield one
    assert one.do("stop").returncode in (0, 3)


@pytest.mark.parametrize("how", [[], ["--full"]])
def test_a_restart_keeps_what_the_server_was_started_with(
    daemon: ServerCommands, how: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert daemon.do("start", "--listen", address, "--log-format", "json").returncode == 0
    # Nothing but the runtime directory is named.
    directory = f"--runtime-dir={daemon.runtime_dir}"
    done = run_chatd("restart", directory, "--log-level", "debug", *how)
    assert (done.returncode, done.stderr) == (0, "")
    status = json.loads(run_chatd("status", directory, "--json").stdout)
    assert [one["address"] for one in status["listen"]] == [address]
    assert status["state_dir"] == str(daemon.state_dir)
    assert {"--log-format=json", "--log-level=debug", f"--listen={address}"} < {*status["options"]}
    assert not any(option == "--supervise" for option in status["options"])
    Client(int(address.rpartition(":")[2])).greet().close()


def test_a_full_restart_stays_in_the_directories_of_the_environment(daemon: ServerCommands) -> None:
    """... of the server, which may be another one for whoever asks."""
    theirs = {**os.environ, "XDG_RUNTIME_DIR": str(daemon.directory), "XDG_STATE_HOME": "/proc"}
    done = run_chatd(
        "start", "--listen=127.0.0.1:0", env={**theirs, "XDG_STATE_HOME": str(daemon.state_dir)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    try:
        done = run_chatd("restart", "--full", env=theirs)
        assert (done.returncode, done.stderr) == (0, "")
        status = json.loads(run_chatd("status", "--json", env=theirs).stdout)
        assert status["state_dir"] == str(daemon.state_dir / "chatd")
    finally:
        assert run_chatd("stop", env=theirs).returncode == 0


def test_what_was_supervised_stays_so_though_its_files_were_removed(
    daemon: ServerCommands,
) -> None:
    options = ["--listen=127.0.0.1:0", "--supervise"]
    assert daemon.do("start", *options).returncode == 0
    (daemon.runtime_dir / "supervisor.pid").unlink()
    assert daemon.do("restart", "--full").returncode == 0
    assert (daemon.runtime_dir / "supervisor.pid").exists()
    assert json.loads(daemon.do("status", "--json").stdout)["listen"]
