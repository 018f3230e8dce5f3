"""Themes: what the classes of the screen look like."""

import os
from typing import Final

from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from chatd_client.screen.rows import NICK_COLOURS

_DARK: Final = {
    "clock": "#6c7086",
    "gutter": "#45475a",
    "message": "",
    "action": "italic",
    "notice": "#94e2d5",
    "event": "#7f849c",
    "info": "#a6adc8",
    "error": "#f38ba8",
    "sign-event": "#7f849c",
    "sign-info": "#a6adc8",
    "sign-error": "#f38ba8 bold",
    "sign-action": "#f9e2af bold",
    "under-way": "#7f849c italic",
    "to": "#f9e2af",
    "mention": "#f9e2af",
    "mention-nick": "bg:#f9e2af #1e1e2e bold",
    "own-nick": "#cdd6f4 bold",
    "match": "bg:#f9e2af #1e1e2e",
    "mark": "#f38ba8",
    "day": "#6c7086",
    "bar": "bg:#313244 #cdd6f4",
    "bar-name": "bg:#313244 #89b4fa bold",
    "bar-weak": "bg:#313244 #9399b2",
    "bar-good": "bg:#313244 #a6e3a1",
    "bar-bad": "bg:#f38ba8 #1e1e2e bold",
    "tab": "bg:#313244 #7f849c",
    "tab-active": "bg:#89b4fa #1e1e2e bold",
    "tab-event": "bg:#313244 #a6adc8",
    "tab-talk": "bg:#313244 #a6e3a1 bold",
    "tab-mention": "bg:#f38ba8 #1e1e2e bold",
    "prompt": "#89b4fa bold",
    "question": "bg:#f9e2af #1e1e2e bold",
    "names": "#bac2de",
    "names-away": "#6c7086",
    "names-head": "#6c7086",
    "completion-menu": "bg:#313244 #cdd6f4",
    "completion-menu.completion.current": "bg:#89b4fa #1e1e2e",
}
_DARK_NICKS: Final = (
    "#89b4fa", "#a6e3a1", "#f9e2af", "#fab387", "#f38ba8", "#cba6f7",
    "#94e2d5", "#89dceb", "#eba0ac", "#b4befe", "#f5c2e7", "#74c7ec",
)  # fmt: skip

_LIGHT: Final = {
    "clock": "#8c8fa1",
    "gutter": "#bcc0cc",
    "message": "",
    "action": "italic",
    "notice": "#179299",
    "event": "#8c8fa1",
    "info": "#6c6f85",
    "error": "#d20f39",
    "sign-event": "#8c8fa1",
    "sign-info": "#6c6f85",
    "sign-error": "#d20f39 bold",
    "sign-action": "#df8e1d bold",
    "under-way": "#8c8fa1 italic",
    "to": "#df8e1d",
    "mention": "#d20f39",
    "mention-nick": "bg:#d20f39 #ffffff bold",
    "own-nick": "bold",
    "match": "bg:#df8e1d #ffffff",
    "mark": "#d20f39",
    "day": "#8c8fa1",
    "bar": "bg:#ccd0da #4c4f69",
    "bar-name": "bg:#ccd0da #1e66f5 bold",
    "bar-weak": "bg:#ccd0da #6c6f85",
    "bar-good": "bg:#ccd0da #40a02b",
    "bar-bad": "bg:#d20f39 #ffffff bold",
    "tab": "bg:#ccd0da #8c8fa1",
    "tab-active": "bg:#1e66f5 #ffffff bold",
    "tab-event": "bg:#ccd0da #6c6f85",
    "tab-talk": "bg:#ccd0da #40a02b bold",
    "tab-mention": "bg:#d20f39 #ffffff bold",
    "prompt": "#1e66f5 bold",
    "question": "bg:#df8e1d #ffffff bold",
    "names": "#5c5f77",
    "names-away": "#9ca0b0",
    "names-head": "#8c8fa1",
    "completion-menu": "bg:#ccd0da #4c4f69",
    "completion-menu.completion.current": "bg:#1e66f5 #ffffff",
}
_LIGHT_NICKS: Final = (
    "#1e66f5", "#40a02b", "#df8e1d", "#fe640b", "#d20f39", "#8839ef",
    "#179299", "#04a5e5", "#e64553", "#7287fd", "#ea76cb", "#209fb5",
)  # fmt: skip

_MONO: Final = {
    "action": "italic",
    "notice": "italic",
    "error": "bold",
    "sign-error": "bold",
    "sign-action": "bold",
    "under-way": "italic",
    "mention": "bold",
    "mention-nick": "reverse bold",
    "own-nick": "bold",
    "match": "reverse",
    "mark": "bold",
    "bar": "reverse",
    "bar-name": "reverse bold",
    "bar-weak": "reverse",
    "bar-good": "reverse",
    "bar-bad": "reverse bold",
    "tab": "reverse",
    "tab-active": "bold",
    "tab-event": "reverse",
    "tab-talk": "reverse bold",
    "tab-mention": "bold underline",
    "prompt": "bold",
    "question": "reverse bold",
    "completion-menu": "reverse",
    "completion-menu.completion.current": "bold noreverse",
}

THEMES: Final = ("dark", "light", "mono")
"""The names of all themes."""


def style_of(theme: str) -> Style:
    """Return the style of ``theme``. Raises KeyError."""
    rules = {"dark": _DARK, "light": _LIGHT, "mono": _MONO}[theme]
    colours = {"dark": _DARK_NICKS, "light": _LIGHT_NICKS}.get(theme, ("bold",) * NICK_COLOURS)
    nicks = {f"nick-{number}": colour for number, colour in enumerate(colours)}
    return Style.from_dict({**rules, **nicks})


def wants_no_colour() -> bool:
    """Tell whether the user wants no colour in any program. no-color.org."""
    return bool(os.environ.get("NO_COLOR"))


def depth_of(theme: str) -> ColorDepth | None:
    """Return how many colours ``theme`` may use; None: as many as TERM stands for.

    That a terminal has all of them no entry of terminfo(5) says; COLORTERM has become the sign.
    """
    if theme == "mono":
        return ColorDepth.DEPTH_1_BIT
    has_all = os.environ.get("COLORTERM") in ("truecolor", "24bit")
    return ColorDepth.DEPTH_24_BIT if has_all and not _asked_otherwise() else None


def _asked_otherwise() -> bool:
    return bool(os.environ.get("PROMPT_TOOLKIT_COLOR_DEPTH"))
