"""Standard output, written to at once and in full."""

import os

STANDARD_OUTPUT = 1


class OutputClosed(Exception):
    """Whoever read it has gone."""


class OutputFailed(Exception):
    """It cannot be written to; ``str()`` says why."""


def write(text: str) -> None:
    """Write ``text``; waits as long as the other side of a pipe does. Raises the above."""
    data = memoryview(text.encode("utf-8", "replace"))
    try:
        while data:
            data = data[os.write(STANDARD_OUTPUT, data) :]
    except BrokenPipeError as error:
        raise OutputClosed from error
    except OSError as error:
        raise OutputFailed(error.strerror) from error
