"""The shell scripts that are shipped: those of the Debian package, and OpenRC's."""

import subprocess
from pathlib import Path

import pytest

from harness import ROOT

PACKAGING = ROOT / "packaging"

MAINTAINER = ("postinst", "prerm", "postrm")

OPENRC = """
# What openrc-run gives to a service: its functions, and those that the service may bring.
ebegin() { echo "begin: $*"; }
eend() { echo "end: $1"; return "$1"; }
checkpath() { echo "checkpath $*"; }
RC_SVCNAME=chatd
. "$1"
command=$2
case $3 in
    # supervise-daemon: as that user, with that umask, in that directory; a line of words.
    start)
        start_pre && cd "$directory" && umask "$umask" && echo "$command_user" &&
            "$command" $command_args
        ;;
    *) "$3" ;;
esac
"""


@pytest.mark.parametrize(
    "script", [*(f"debian/{name}" for name in MAINTAINER), "openrc/chatd", "debian/try"]
)
def test_a_script_can_be_read(script: str) -> None:
    shell = (PACKAGING / script).read_text().splitlines()[0].split("/")[-1].split()[-1]
    command = "bash" if shell == "bash" else "sh"
    subprocess.run([command, "-n", str(PACKAGING / script)], check=True, timeout=10)


@pytest.mark.parametrize("name", MAINTAINER)
def test_a_maintainer_script_does_nothing_when_it_is_called_for_nothing(name: str) -> None:
    """As dpkg calls each of them in the course of an upgrade, or to go back after an error."""
    done = subprocess.run(
        ["/bin/sh", str(PACKAGING / "debian" / name), "failed-upgrade", "1.0"],
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def recorder(tmp_path: Path) -> str:
    """Return a command that says what it was called with."""
    script = tmp_path / "chatd"
    script.write_text('#!/bin/sh\necho "chatd $*"\n')
    script.chmod(0o755)
    return str(script)


def openrc(recorder: str, function: str) -> list[str]:
    done = subprocess.run(
        [
            "sh",
            "-euc",
            OPENRC,
            "openrc-run",
            str(PACKAGING / "openrc" / "chatd"),
            recorder,
            function,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
        env={"PATH": "/usr/bin:/bin", "CHATD_OPTIONS": "--log-level debug"},
    )
    return done.stdout.splitlines()


def test_openrc_starts_it_supervised_in_directories_of_its_own(recorder: str) -> None:
    assert openrc(recorder, "start") == [
        "checkpath --directory --owner chatd:chatd --mode 0755 /run/chatd",
        "checkpath --directory --owner chatd:chatd --mode 0700 /var/lib/chatd",
        "chatd:chatd",
        "chatd run --supervise --log-level debug",
    ]


@pytest.mark.parametrize("function", ["reload", "upgrade"])
def test_openrc_reloads_and_upgrades_it(recorder: str, function: str) -> None:
    assert openrc(recorder, function)[1:] == [f"chatd {function}", "end: 0"]
