"""Set chatd up in a virtual environment of its own, ``.venv``, when it is first used.

For ``python3 supervisor`` and ``python3 tests``; standard library only, not part of the package.
What is installed is exactly what a lock names, checked against its hashes, and chatd itself,
editable. There are two: ``supervisor/requirements.lock`` names what runs chatd and installs it, and
``tests/requirements.lock`` that and whatever tests it, which takes several times the space and is
added when a test, a storm or a benchmark is first run. Later uses find a stamp and begin at once.

* Two first uses at once: one works, the other waits (a lock on ``.venv.lock``).
* An interrupted one: the next finds our marker and no whole stamp, and begins anew.
* A ``.venv`` without our marker is somebody else's and is not touched.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MARKER = VENV / "made-by-chatd"
SERVER = ROOT / "supervisor" / "requirements.lock"
TESTS = ROOT / "tests" / "requirements.lock"
STAMPS = {SERVER: VENV / "complete", TESTS: VENV / "complete-with-tests"}

OLDEST_PYTHON = (3, 11)

UNAVAILABLE = 69
"""Exit code: what it takes to set chatd up is not there."""

CANNOT_CREATE = 73
"""Exit code: ``.venv`` cannot be made, or is somebody else's."""


def run(command: str, *arguments: str, lock: Path = TESTS) -> NoReturn:
    """Set up what ``lock`` names if need be, then become ``command`` of the virtual environment."""
    prepare(lock)
    program = VENV / "bin" / command
    os.execv(program, [str(program), *arguments])  # noqa: S606  # what we were asked for


def enter(program: str) -> None:
    """Return if this runs in ``.venv``, with what tests need; else become ``program`` there.

    For a program beside the tests. ``.venv/bin/python`` may be there without that.
    """
    if Path(sys.prefix) != VENV or not _is_fresh(TESTS):
        run("python", program, *sys.argv[1:])


def prepare(lock: Path) -> None:
    """Make ``.venv`` unless it is there and fresh; exit with a sentence if that cannot be."""
    if _is_fresh(lock):
        return
    if sys.version_info < OLDEST_PYTHON:
        _exit(UNAVAILABLE, f"Python {sys.version.split()[0]} is too old, 3.11 is the oldest")
    try:
        with open(ROOT / ".venv.lock", "w", encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not _is_fresh(lock):
                _make(lock)
    except PermissionError as error:
        _exit(CANNOT_CREATE, f"no permission to set up in {ROOT}: {error}")


def _is_fresh(lock: Path) -> bool:
    return _read(STAMPS[lock]) == _stamp(lock)


def _stamp(lock: Path) -> str:
    """Return what ``.venv`` depends on: the project, the lock, the Python, and where they are."""
    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", lock):
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()} {sys.version} {sys.base_prefix} {ROOT}\n"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def _make(lock: Path) -> None:
    environment, install = _installer(str(VENV / "bin" / "python"))
    commands = [[*install, "--require-hashes", "-r", str(lock)]]
    if lock == TESTS and _is_fresh(SERVER) and not STAMPS[TESTS].exists():
        print(f"chatd: adding to {VENV} what the tests need (once)", file=sys.stderr)
        # Half a stamp: if this is interrupted, nobody adds to what it leaves.
        STAMPS[TESTS].touch()
    else:
        if VENV.exists():
            if not MARKER.exists() and any(VENV.iterdir()):
                _exit(CANNOT_CREATE, f"{VENV} was made by something else; move it away first")
            shutil.rmtree(VENV)
        print(f"chatd: setting up {VENV} (once)", file=sys.stderr)
        VENV.mkdir()
        MARKER.touch()
        itself = [*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)]
        commands = [environment, *commands, itself]
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            _exit(UNAVAILABLE, f"could not be set up: `{' '.join(command)}` failed")
    # The tests' lock has all that the server's has.
    for each in {SERVER, lock}:
        STAMPS[each].write_text(_stamp(each), "utf-8")


def _installer(python: str) -> tuple[list[str], list[str]]:
    """Return how this machine makes ``.venv``, and how it installs into it, whose ``python`` is."""
    # Ours may be in the one that is made anew.
    own = Path(sys.base_prefix, "bin", "python{}.{}".format(*sys.version_info[:2]))
    maker = sys.executable if Path(sys.prefix) != VENV else str(own)
    bare = [maker, "-m", "venv", "--without-pip", str(VENV)]
    quiet = ["--quiet", "--disable-pip-version-check"]
    if importlib.util.find_spec("ensurepip"):
        environment = [maker, "-m", "venv", str(VENV)]
        return environment, [python, "-m", "pip", "install", *quiet]
    if shutil.which("uv"):
        return bare, ["uv", "pip", "install", "--quiet", "--python", python]
    if importlib.util.find_spec("pip"):
        # pip from outside: pip(1), --python, since 22.3.
        return bare, [maker, "-m", "pip", "--python", python, "install", *quiet]
    return _exit(
        UNAVAILABLE,
        "this Python has neither ensurepip nor pip, and there is no uv: apt install python3-venv",
    )


def _exit(code: int, why: str) -> NoReturn:
    print(f"chatd: {why}", file=sys.stderr)
    sys.exit(code)
