"""``python3 supervisor`` and ``python3 tests`` on first use, for real, in a copy of the checkout.

Of what tests chatd, the copy's lock holds pytest alone, which is enough for what is tested here.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import ROOT, eventually

SET_UP = 120.0
"""Seconds that a first use may take."""

LEFT_OUT = r"hypothesis|mypy|mypy-extensions|pytest-xdist|execnet|ruff|librt|ast-serialize"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    ).stdout.split("\0")
    copy = tmp_path / "chatd"
    for name in filter(None, names):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    lock = copy / "tests" / "requirements.lock"
    entries = re.split(r"^(?=\S)", lock.read_text(), flags=re.MULTILINE)
    lock.write_text("".join(x for x in entries if not re.match(rf"({LEFT_OUT})==", x)))
    return copy


def first_use(checkout: Path, *command: str, **environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *(command or ("supervisor", "--help"))],
        cwd=checkout,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def outcome(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SET_UP)
    return process.returncode, out, err


def test_a_first_use_an_interrupted_one_and_two_at_once(checkout: Path) -> None:
    interrupted = first_use(checkout)
    eventually("it has begun", (checkout / ".venv" / "made-by-chatd").exists, SET_UP)
    os.killpg(interrupted.pid, signal.SIGKILL)
    interrupted.communicate(timeout=30)
    assert not (checkout / ".venv" / "complete").exists()

    both = [outcome(process) for process in (first_use(checkout), first_use(checkout))]
    for code, out, err in both:
        assert code == 0, err
        assert "Serve in the foreground" in out
    assert sum("setting up" in err for _, _, err in both) == 1

    begun = time.monotonic()
    code, out, err = outcome(first_use(checkout, PATH="/nowhere"))
    assert (code, err) == (0, "")
    assert time.monotonic() - begun < 5.0

    shown = subprocess.run(
        [checkout / ".venv" / "bin" / "chatd", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert shown.stdout.startswith("chatd ")


def test_the_tests_add_what_they_need_to_what_the_server_has(checkout: Path) -> None:
    code, _, err = outcome(first_use(checkout))
    assert (code, err.count("setting up")) == (0, 1), err
    assert not (checkout / ".venv" / "bin" / "pytest").exists()
    server = installed(checkout)
    assert {"chatd", "click", "hatchling"} <= server.keys()

    interrupted = first_use(checkout, "tests", "--version")
    eventually("it has begun", (checkout / ".venv" / "complete-with-tests").exists, SET_UP)
    os.killpg(interrupted.pid, signal.SIGKILL)
    interrupted.communicate(timeout=30)
    code, out, err = outcome(first_use(checkout, "tests", "--version"))
    assert (code, out.startswith("pytest "), err.count("setting up")) == (0, True, 1), err
    whole = installed(checkout)
    assert server.items() < whole.items()

    # The server has all it needs; it is the tests that begin anew if their lock has changed.
    for command in (("supervisor", "--help"), ("tests", "--version")):
        assert outcome(first_use(checkout, *command))[::2] == (0, "")
    with (checkout / "tests" / "requirements.lock").open("a") as lock:
        lock.write("# another\n")
    assert outcome(first_use(checkout))[::2] == (0, "")
    assert "setting up" in outcome(first_use(checkout, "tests", "--version"))[2]


def test_what_the_tests_need_is_added_in_place(checkout: Path) -> None:
    assert outcome(first_use(checkout))[0] == 0
    before = (checkout / ".venv" / "made-by-chatd").stat().st_ino
    code, _, err = outcome(first_use(checkout, "tests", "--version"))
    assert (code, err.count("adding to")) == (0, 1), err
    assert (checkout / ".venv" / "made-by-chatd").stat().st_ino == before


def test_a_program_beside_the_tests_adds_what_it_needs_to_a_servers_environment(
    checkout: Path,
) -> None:
    assert outcome(first_use(checkout))[0] == 0
    (checkout / "tests" / "beside.py").write_text(BESIDE)
    own = [".venv/bin/python", "tests/beside.py", "word"]

    def run() -> tuple[str, str]:
        done = subprocess.run(
            own, cwd=checkout, capture_output=True, text=True, timeout=SET_UP, check=True
        )
        return done.stdout, done.stderr

    said, told = run()
    assert said.splitlines() == ["word", str(checkout / ".venv")]
    assert told.count("adding to") == 1
    assert run() == (said, "")
    # Also if the environment that it runs in has to be made anew.
    with (checkout / "tests" / "requirements.lock").open("a") as lock:
        lock.write("# another\n")
    again, told = run()
    assert (again, told.count("setting up")) == (said, 1)


BESIDE = """
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "supervisor"))
import bootstrap

bootstrap.enter(__file__)
import pytest

print(sys.argv[1])
print(sys.prefix)
"""


def installed(checkout: Path) -> dict[str, str]:
    """Return the versions of what is installed, less pip's own."""
    listed = subprocess.check_output(
        [checkout / ".venv" / "bin" / "python", "-c", LIST], text=True, timeout=30
    )
    return dict(line.split("==") for line in listed.splitlines())


LIST = """
from importlib.metadata import distributions
for each in distributions():
    print(f"{each.name}=={each.version}")
"""


def test_somebody_elses_venv_is_left_alone(checkout: Path) -> None:
    theirs = checkout / ".venv" / "precious"
    theirs.parent.mkdir()
    theirs.write_text("data")
    code, _, err = outcome(first_use(checkout))
    assert code == 73
    assert "was made by something else" in err
    assert theirs.read_text() == "data"


def test_without_an_installer_it_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    # As Debian's python3 without python3-venv: the modules are not there.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['ensurepip'] = sys.modules['pip'] = None\n"
    )
    code, _, err = outcome(first_use(checkout, PYTHONPATH=str(tmp_path), PATH="/usr/bin:/bin"))
    assert code == 69
    assert err.splitlines()[-1].endswith("apt install python3-venv")
    assert "Traceback" not in err
