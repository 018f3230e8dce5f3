"""A suite that leaves something behind does not pass."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]

TITLED = """
from setproctitle import setproctitle
if not os.fork():
    # It writes over its environment.
    setproctitle("chatd: left over")
    os.closerange(0, 1000)
    signal.pause()
"""


def run(directory: Path, test: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Run a suite that is one ``test``, with the plugin; everything temporary is in ``t``."""
    (directory / "conftest.py").write_text("pytest_plugins = ['left_behind']\n")
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_some.py").write_text(f"import os, signal\n\ndef test(tmp_path):\n{test}\n")
    (directory / "t").mkdir()
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *more, "."],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(directory / "t")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("how", [(), ("-n", "2")])
def test_nothing_is_left_of_a_suite_that_passes(tmp_path: Path, how: tuple[str, ...]) -> None:
    done = run(tmp_path, "    (tmp_path / 'x').write_text('y')", *how)
    assert done.returncode == 0, done.stdout
    assert list((tmp_path / "t").iterdir()) == []


def test_a_directory_is_found(tmp_path: Path) -> None:
    done = run(tmp_path, "    import tempfile; tempfile.mkdtemp(prefix='forgotten')")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "LEFT BEHIND: a directory or file: " in done.stdout
    assert list((tmp_path / "t").glob("*/forgotten*"))


def test_what_a_failure_was_about_is_kept(tmp_path: Path) -> None:
    done = run(tmp_path, "    (tmp_path / 'x').write_text('y')\n    assert False")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "LEFT BEHIND" not in done.stdout
    assert list((tmp_path / "t").rglob("x"))


@pytest.mark.parametrize("left", ["as it is", "titled"])
def test_a_process_is_found(tmp_path: Path, left: str) -> None:
    if left == "as it is":
        test = "    import subprocess\n    subprocess.Popen(['sleep', '300'])"
    else:
        test = "".join(f"    {x}\n" for x in TITLED.strip().splitlines())
    done = run(tmp_path, test, "-n", "1")
    try:
        assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
        assert "LEFT BEHIND: a process, " in done.stdout
    finally:
        for line in done.stdout.splitlines():
            if line.startswith("LEFT BEHIND: a process, "):
                os.kill(int(line.split()[4].rstrip(":")), signal.SIGKILL)
