"""Set chatd up in a virtual environment of its own, ``.venv``, when it is first used.

For ``python3 supervisor`` and ``python3 tests``; standard library only, not part of the package.
What is installed is exactly ``tests/requirements.lock``, checked against its hashes, and chatd
itself, editable. Later uses find a stamp and begin at once.

* Two first uses at once: one works, the other waits (a lock on ``.venv.lock``).
* An interrupted one: the next finds our marker and no stamp, and begins anew.
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
STAMP = VENV / "complete"
LOCK = ROOT / "tests" / "requirements.lock"

OLDEST_PYTHON = (3, 11)

UNAVAILABLE = 69
"""Exit code: what it takes to set chatd up is not there."""

CANNOT_CREATE = 73
"""Exit code: ``.venv`` cannot be made, or is somebody else's."""


def run(command: str, *arguments: str) -> NoReturn:
    """Set up if need be, then become ``command`` of the virtual environment."""
    prepare()
    program = VENV / "bin" / command
    os.execv(program, [str(program), *arguments])  # noqa: S606  # what we were asked for


def prepare() -> None:
    """Make ``.venv`` unless it is there and fresh; exit with a sentence if that cannot be."""
    stamp = _stamp()
    if _read(STAMP) == stamp:
        return
    if sys.version_info < OLDEST_PYTHON:
        _exit(UNAVAILABLE, f"Python {sys.version.split()[0]} is too old, 3.11 is the oldest")
    try:
        with open(ROOT / ".venv.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _read(STAMP) != stamp:
                _make(stamp)
    except PermissionError as error:
        _exit(CANNOT_CREATE, f"no permission to set up in {ROOT}: {error}")


def _stamp() -> str:
    """Return what ``.venv`` depends on: the project, the lock, the Python, and where they are."""
    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", LOCK):
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()} {sys.version} {sys.base_prefix} {ROOT}\n"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def _make(stamp: str) -> None:
    if VENV.exists():
        if not MARKER.exists() and any(VENV.iterdir()):
            _exit(CANNOT_CREATE, f"{VENV} was made by something else; move it away first")
        shutil.rmtree(VENV)
    print(f"chatd: setting up {VENV} (once)", file=sys.stderr)
    VENV.mkdir()
    MARKER.touch()
    python = str(VENV / "bin" / "python")
    for command in _commands(python):
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            _exit(UNAVAILABLE, f"could not be set up: `{' '.join(command)}` failed")
    STAMP.write_text(stamp, "utf-8")


def _commands(python: str) -> list[list[str]]:
    """Return the commands that make ``.venv``, with whichever installer this machine has."""
    locked = ["--require-hashes", "-r", str(LOCK)]
    itself = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    quiet = ["--quiet", "--disable-pip-version-check"]
    if importlib.util.find_spec("ensurepip"):
        pip = [python, "-m", "pip", "install", *quiet]
        return [[sys.executable, "-m", "venv", str(VENV)], [*pip, *locked], [*pip, *itself]]
    bare = [sys.executable, "-m", "venv", "--without-pip", str(VENV)]
    if shutil.which("uv"):
        uv = ["uv", "pip", "install", "--quiet", "--python", python]
        return [bare, [*uv, *locked], [*uv, *itself]]
    if importlib.util.find_spec("pip"):
        # pip from outside: pip(1), --python, since 22.3.
        outer = [sys.executable, "-m", "pip", "--python", python, "install", *quiet]
        return [bare, [*outer, *locked], [*outer, *itself]]
    return _exit(
        UNAVAILABLE,
        "this Python has neither ensurepip nor pip, and there is no uv: apt install python3-venv",
    )


def _exit(code: int, why: str) -> NoReturn:
    print(f"chatd: {why}", file=sys.stderr)
    sys.exit(code)
