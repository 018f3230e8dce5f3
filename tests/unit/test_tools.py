"""The table of what the tests need of the machine."""

import subprocess
import sys
from pathlib import Path

import pytest

import tools

TESTS = Path(tools.__file__).parent


@pytest.mark.parametrize("beginning", tools.NEEDS)
def test_what_needs_something_is_there(beginning: str) -> None:
    file, _, name = beginning.partition("::")
    found = list(TESTS.glob(f"{file}*"))
    assert found
    assert not name or f"def {name.partition('[')[0]}" in found[0].read_text("utf-8")


def test_everything_that_is_needed_can_be_had() -> None:
    assert set(tools.all_needed()) - {tools.TERMINALS} <= tools.PACKAGES.keys()


def test_the_longest_beginning_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "NEEDS", {"a.py": "ps ss", "a.py::test_x[b": "tmux"})
    assert tools.needed("a.py::test_y") == {"ps", "ss"}
    assert tools.needed("a.py::test_x[c]") == {"ps", "ss"}
    assert tools.needed("a.py::test_x[b-1]") == {"tmux"}
    assert tools.needed("b.py::test_x[b-1]") == set()


def test_what_is_missing_is_what_no_path_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tools.missing(["sh", "no-such-command"]) == ["no-such-command"]
    monkeypatch.setattr("os.openpty", lambda: (_ for _ in ()).throw(OSError("none")))
    assert tools.missing(["sh", tools.TERMINALS]) == [tools.TERMINALS]


def test_the_remedy_is_one_line() -> None:
    assert tools.remedy(["ps", "pgrep", "cc"]) == (
        "apt-get install --no-install-recommends gcc libc6-dev procps"
    )
    assert tools.remedy(["ps", tools.TERMINALS]) == (
        "apt-get install --no-install-recommends procps"
        " && mount -t devpts -o ptmxmode=666 devpts /dev/pts"
    )


SUITE = """
import subprocess

def test_that_needs_it():
    subprocess.run(["ps"], check=True, capture_output=True)

def test_that_does_not():
    pass
"""


def run(
    directory: Path, path: str, *more: str, **environ: str
) -> "subprocess.CompletedProcess[str]":
    """Run a suite of two tests, one of which needs ps(1), with the plugin."""
    (directory / "test_some.py").write_text(SUITE)
    (directory / "conftest.py").write_text(
        f"import tools\ntools.NEEDS = { ({'test_some.py::test_that_needs': 'ps'})!r}\n"
        "pytest_plugins = ['not_run']\n"
    )
    (directory / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *more, "."],
        cwd=directory,
        env={"PATH": path, "PYTHONPATH": str(TESTS), "TMPDIR": str(directory), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("how", [(), ("-n", "2")])
def test_tests_that_cannot_be_run_are_said_not_to_have_been(
    tmp_path: Path, how: tuple[str, ...]
) -> None:
    done = run(tmp_path, str(tmp_path / "empty"), *how)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    told = [line for line in done.stdout.splitlines() if "NOT RUN" in line]
    remedy = "apt-get install --no-install-recommends procps"
    assert told == [f"NOT RUN: 1 tests, for want of ps (1); as root: {remedy}"]


def test_where_tests_run_by_themselves_everything_must_be_there(tmp_path: Path) -> None:
    done = run(tmp_path, str(tmp_path / "empty"), CI="yes")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "CI is set, and this machine has no ps: apt-get install" in done.stderr


def test_a_test_that_does_not_say_what_it_needs_fails(tmp_path: Path) -> None:
    (tmp_path / "ps").symlink_to("/bin/true")
    (tmp_path / "test_other.py").write_text(SUITE)
    done = run(tmp_path, str(tmp_path))
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_other.py::test_that_needs_it runs {'ps'}: say so in tests/tools.py" in done.stdout
    assert "4 passed, 1 error" in done.stdout
