"""Passwords: from a file that nobody else can read, or from a command; never from an argument.

What stands on a command line, ``ps`` shows to everybody.
"""

import os
import stat
import subprocess
from pathlib import Path
from typing import Final

from chatd_workers.names import make_safe

COMMAND_TIMEOUT: Final = 120.0
"""Seconds that a command has, in which somebody may have to type a passphrase."""

LONGEST: Final = 1024
"""Characters of a password."""


class NoPassword(ValueError):
    """There is no password to be had; ``str()`` is the sentence for people."""


def from_file(path: Path) -> str:
    """Return the first line of ``path``. Raises NoPassword."""
    try:
        with path.open(encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            # A pipe, such as <(command) makes, has no such mode to be judged by.
            shared = found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            if stat.S_ISREG(found.st_mode) and shared:
                raise NoPassword(f"{path} can be read by others; chmod 600 {path}")
            return _first_line(file.readline(LONGEST + 1), str(path))
    except OSError as error:
        raise NoPassword(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NoPassword(f"{path} is not UTF-8") from error


def from_input() -> str:
    """Return the first line of standard input, and leave what follows. Raises NoPassword."""
    line = bytearray()
    try:
        # Byte by byte: what stands in a buffer of ours would be lost to whoever reads on.
        while len(line) <= LONGEST and (byte := os.read(0, 1)) not in (b"", b"\n"):
            line += byte
        return _first_line(line.decode(), "standard input")
    except OSError as error:
        raise NoPassword(f"standard input cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NoPassword("the first line of standard input is not UTF-8") from error


def from_command(command: str) -> str:
    """Return the first line that ``command``, given to sh(1), writes. Raises NoPassword."""
    shown = make_safe(command)
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            stdout=subprocess.PIPE,
            timeout=COMMAND_TIMEOUT,
            check=False,
            encoding="utf-8",
        )
    except subprocess.TimeoutExpired as error:
        raise NoPassword(f"{shown!r} has not ended within {COMMAND_TIMEOUT:g} s") from error
    except UnicodeDecodeError as error:
        raise NoPassword(f"what {shown!r} writes is not UTF-8") from error
    if done.returncode:
        code = done.returncode
        how = f"exited with status {code}" if code > 0 else f"was killed by signal {-code}"
        raise NoPassword(f"{shown!r} {how}")
    return _first_line(done.stdout.partition("\n")[0], repr(shown))


def _first_line(line: str, source: str) -> str:
    password = line.rstrip("\r\n")
    if not password:
        raise NoPassword(f"the first line of {source} is empty")
    if len(password) > LONGEST or "\0" in password:
        raise NoPassword(f"the first line of {source} is no password")
    return password
