"""A server that is started as root is an ordinary user's before it has heard of anybody."""

import os
import signal
import subprocess
import sys

import pytest

from harness import eventually
from rootless import UID, USER, low_port, rights, rootless

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

NOTHING = {"CapPrm": "0" * 16, "CapEff": "0" * 16, "CapAmb": "0" * 16, "NoNewPrivs": "1"}

SUPERVISE = [[], ["--supervise"]]


def config(port: int, user: str = USER) -> str:
    return f"""
[server]
user = "{user}"
[[listen]]
address = "127.0.0.1:{port}"
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
"""


def own_group() -> str:
    shown = subprocess.run(["id", "-g", USER], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


@pytest.mark.parametrize("supervise", SUPERVISE, ids=["alone", "supervised"])
def test_no_process_keeps_anything_of_root(supervise: list[str]) -> None:
    port = low_port()
    group = own_group()
    ordinary = {"Uid": f"{UID} " * 4, "Gid": f"{group} " * 4, "Groups": group, **NOTHING}
    ordinary = {name: value.strip() for name, value in ordinary.items()}
    with rootless(config(port)) as server:
        started = server.do("start", *supervise)
        assert (started.returncode, started.stderr) == (0, "")
        server.connect(port, "alice")
        pids = [server.pid_in("chatd.pid"), *(one["pid"] for one in server.ask("ps"))]
        if supervise:
            pids.append(server.pid_in("supervisor.pid"))
        assert len(pids) == 2 + len(supervise)
        assert [rights(pid) for pid in pids] == [ordinary] * len(pids)
        found = [*server.runtime_dir.rglob("*"), *server.state_dir.rglob("*")]
        owners = {path.name: path.lstat().st_uid for path in found}
        assert {"journal.db", "control.sock"} <= owners.keys()
        assert set(owners.values()) == {UID}
        assert server.ask("status")["user"] == USER
        # The user itself may ask, and so may the master look at its own workers.
        assert server.ask("status", user=UID)["user"] == USER
        assert "capabilities       0000000000000000" in server.do("inspect", "alice").stdout
        stopped = server.do("stop", user=UID)
        assert stopped.returncode == 0, stopped.stderr
        assert "as root" not in server.log()


def test_a_master_after_it_has_the_port_that_only_root_could_have_bound() -> None:
    port = low_port()
    with rootless(config(port)) as server:
        assert server.do("start", "--supervise").returncode == 0
        alice = server.connect(port, "alice")
        bob = server.connect(port, "bob")
        first = server.pid_in("chatd.pid")
        os.kill(first, signal.SIGKILL)
        alice.send("still here\n")
        assert "still here" in bob.until("still here")[-1]
        second = eventually("another master", lambda: server.ask("status")["pid"])
        assert second != first
        assert rights(second)["Uid"].split() == [str(UID)] * 4
        server.connect(port, "carol")


def test_an_upgrade_keeps_the_port_and_the_user() -> None:
    port = low_port()
    with rootless(config(port)) as server:
        assert server.do("start").returncode == 0
        server.connect(port, "alice")
        upgraded = server.do("upgrade")
        assert upgraded.returncode == 0, upgraded.stderr
        server.connect(port, "bob")
        assert server.ask("status")["user"] == USER


@pytest.mark.parametrize("supervise", SUPERVISE, ids=["alone", "supervised"])
@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ("no-such-user", "there is no such user; useradd --system no-such-user makes one"),
        ("root", "is root, which is what is to be given up"),
    ],
)
def test_whom_it_cannot_become(user: str, sentence: str, supervise: list[str]) -> None:
    with rootless(config(0, user)) as server:
        done = server.do("start", *supervise)
        assert (done.returncode, done.stdout) == (78, "")
        assert done.stderr == f'chatd: server.user = "{user}": {sentence}\n'
        assert not server.runtime_dir.exists()


def test_a_directory_with_something_of_roots_is_not_given_away() -> None:
    with rootless(config(0)) as server:
        server.state_dir.mkdir()
        (server.state_dir / "journal.db").touch()
        done = server.do("start")
        assert done.returncode == 73
        assert done.stderr == (
            f"chatd: {server.state_dir} belongs to uid 0 and is not empty; chown -R "
            f"{UID}:{own_group()} {server.state_dir} gives it to server.user\n"
        )


def test_an_empty_directory_is_given_and_a_link_is_not_followed() -> None:
    with rootless(config(0)) as server:
        server.state_dir.mkdir()
        assert server.do("start").returncode == 0
        assert server.state_dir.stat().st_uid == UID
    with rootless(config(0)) as server:
        elsewhere = server.directory / "elsewhere"
        elsewhere.mkdir()
        server.state_dir.symlink_to(elsewhere)
        done = server.do("start")
        assert done.returncode == 73
        assert done.stderr == (
            f"chatd: {server.state_dir} is a symbolic link; name the directory itself\n"
        )
        assert elsewhere.stat().st_uid == 0


@pytest.mark.parametrize("supervise", SUPERVISE, ids=["alone", "supervised"])
def test_a_configuration_that_the_user_may_not_read(supervise: list[str]) -> None:
    with rootless(config(0)) as server:
        server.config.chmod(0o600)
        done = server.do("start", *supervise)
        assert done.returncode == 77
        assert done.stderr == (
            f"chatd: {USER} (server.user) may not read {server.config}, "
            "which a server needs to go on: chgrp or chmod it\n"
        )


@pytest.mark.parametrize("supervise", SUPERVISE, ids=["alone", "supervised"])
def test_a_port_of_roots_that_somebody_has(supervise: list[str]) -> None:
    port = low_port()
    with rootless(config(port)) as server, rootless(config(port)) as other:
        assert server.do("start").returncode == 0
        done = other.do("start", *supervise)
        assert done.returncode == 69
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr


def test_an_ordinary_user_stays_who_it_is_and_everything_works() -> None:
    with rootless(config(0, "root")) as server:
        for directory in (server.runtime_dir, server.state_dir):
            directory.mkdir()
            os.chown(directory, UID, -1)
        started = server.do("start", "--supervise", user=UID)
        assert (started.returncode, started.stderr) == (0, "")
        assert f"user not taken user={USER} configured=root" in server.log()
        status = server.ask("status")
        assert status["sandbox"]["missing"] == []
        port = int(status["listen"][0]["address"].rpartition(":")[2])
        alice, bob = server.connect(port, "alice"), server.connect(port, "bob")
        for victim in (server.ask("ps")[0]["pid"], server.pid_in("chatd.pid")):
            os.kill(victim, signal.SIGKILL)
            alice.send(f"after {victim}\n")
            bob.until(f"after {victim}")


def test_whoever_serves_as_root_is_told() -> None:
    with rootless(config(0, "")) as server:
        assert server.do("start").returncode == 0
        assert "WARNING chatd: runs as root hint=" in server.log()
        server.config.write_text(config(0))
        assert "server.user" in server.do("reload").stderr
        assert server.ask("status")["user"] == "root"


def test_what_is_left_of_root_is_noticed() -> None:
    # The check itself must be able to fail: a process that has given up half of it.
    half = "import os; from chatd_supervisor.privileges import identity, remains; "
    show = f"print(', '.join(remains(identity({USER!r}))))"
    for step, left in (
        ("", "a user id, a group id"),
        (f"os.seteuid({UID}); ", "a user id, a group id"),
        (f"os.setresgid(*[{own_group()}] * 3); os.setresuid({UID}, {UID}, 0); ", "a user id"),
    ):
        said = subprocess.run(
            [sys.executable, "-c", half + step + show], capture_output=True, text=True, check=True
        )
        assert said.stdout.startswith(left)
        assert "the way back to root" in said.stdout
        assert "the way back by a program of root's" in said.stdout
