"""Python stacks as text, without the source: a worker can open no file to read it from."""

import itertools
import traceback
from types import CodeType, FrameType, TracebackType
from typing import Final

REST: Final = 0.1
"""Seconds from one stack that is sent on SIGUSR1 to the next: the master allows 20 a second."""


def of_frame(frame: FrameType | None, outermost: CodeType | None) -> str:
    """Return where ``frame`` is, and what has called it, the outermost first.

    It begins with ``outermost``: what has called that is, in a fork, of another process.
    """
    frames = list(traceback.walk_stack(frame))
    inner = list(itertools.takewhile(lambda one: one[0].f_code is not outermost, frames))
    chosen = frames[: len(inner) + 1]
    return _shown(traceback.StackSummary.extract(iter(chosen), lookup_lines=False))


def of_error(error: BaseException) -> str:
    """Return where ``error`` was raised, and what it is."""
    return _of_traceback(error.__traceback__) + f"{type(error).__name__}: {error}\n"


def _of_traceback(found: TracebackType | None) -> str:
    summary = traceback.StackSummary.extract(traceback.walk_tb(found), lookup_lines=False)
    return _shown(summary, outermost_first=True)


def _shown(summary: traceback.StackSummary, *, outermost_first: bool = False) -> str:
    frames = list(summary) if outermost_first else list(summary)[::-1]
    return "".join(
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}()\n' for frame in frames
    )
