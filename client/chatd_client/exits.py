"""Exit codes, as in sysexits.h where it has a fitting one. chat-client(1), EXIT STATUS."""

import enum
from typing import NamedTuple


class Exit(enum.IntEnum):
    """What chat-client exits with."""

    OK = 0
    LOST = 1
    USAGE = 2
    NO_HOST = 68
    UNAVAILABLE = 69
    SOFTWARE = 70
    INPUT_OUTPUT = 74
    PROTOCOL = 76
    DENIED = 77
    CONFIG = 78
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


class Failure(NamedTuple):
    """Why there is no use in going on: what to exit with, and a sentence."""

    code: Exit
    why: str
