"""Telling the user by the terminal that somebody wants something."""

import enum
from typing import Final

from prompt_toolkit.output import Output

from chatd_client.screen.cells import shown

MOST: Final = 200
"""Characters of a notification."""


class How(enum.StrEnum):
    """How the user is told."""

    NONE = "none"
    BELL = "bell"
    OSC9 = "osc9"
    """iTerm2, kitty, foot, WezTerm, Windows Terminal; with the bell."""
    OSC777 = "osc777"
    """rxvt-unicode, foot, VTE; with the bell."""


def notify(output: Output, how: How, title: str, text: str) -> None:
    """Tell the user ``text``; both are made safe here."""
    if how is How.NONE:
        return
    title, text = (_plain(each) for each in (title, text))
    if how is How.OSC9:
        output.write_raw(f"\x1b]9;{title}: {text}\x07")
    elif how is How.OSC777:
        output.write_raw(f"\x1b]777;notify;{title};{text}\x07")
    output.bell()
    output.flush()


def _plain(text: str) -> str:
    # A semicolon ends a field of OSC 777.
    return shown(text).replace(";", ",")[:MOST]
