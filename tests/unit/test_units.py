"""What is shipped for systemd, judged by systemd's own tools, without systemd running."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import ROOT
from unit_file import Unit

SHIPPED = ROOT / "packaging" / "systemd"
SYSTEM = Path("usr/lib/systemd/system")

EXPOSURE = 1.7
"""The most that ``systemd-analyze security`` may say; 10 is a unit without any protection."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a system as the package leaves it, as far as units see it."""
    made = tmp_path_factory.mktemp("root")
    shutil.copytree(Path("/") / SYSTEM, made / SYSTEM, symlinks=True)
    for name in ("chatd.service", "chatd.socket"):
        shutil.copy(SHIPPED / name, made / SYSTEM)
    for directory, name in (("sysusers.d", "sysusers.conf"), ("tmpfiles.d", "tmpfiles.conf")):
        (made / "usr/lib" / directory).mkdir()
        shutil.copy(SHIPPED / name, made / "usr/lib" / directory / "chatd.conf")
    (made / "lib").symlink_to("usr/lib")
    (made / "usr/bin").mkdir()
    (made / "etc").mkdir()
    shutil.copy("/bin/true", made / "usr/bin/chatd")
    return made


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["chatd.service", "chatd.socket"])
def test_systemd_has_nothing_to_say_against_a_unit(root: Path, name: str) -> None:
    said = run("systemd-analyze", "verify", "--man=no", f"--root={root}", f"/{SYSTEM / name}")
    assert [line for line in said.splitlines() if "chatd" in line] == []


def test_the_unit_is_exposed_to_little(root: Path) -> None:
    said = run(
        "systemd-analyze", "security", "--offline=true", str(root / SYSTEM / "chatd.service")
    )
    found = re.search(r"Overall exposure level for chatd.service: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= EXPOSURE, said


def test_the_workers_may_build_their_own_walls() -> None:
    calls = set(Unit(SHIPPED / "chatd.service").get("SystemCallFilter").split())
    assert calls >= {"seccomp", "landlock_create_ruleset", "landlock_restrict_self"}


def test_the_user_and_the_directories_are_made(root: Path) -> None:
    run("systemd-sysusers", f"--root={root}", "chatd.conf")
    assert re.search("^chatd:", (root / "etc/passwd").read_text(), re.MULTILINE)
    run("systemd-tmpfiles", f"--root={root}", "--create", "chatd.conf")
    for path, mode in (("run/chatd", 0o755), ("var/lib/chatd", 0o700)):
        assert (root / path).stat().st_mode & 0o777 == mode
