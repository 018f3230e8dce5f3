"""Why something was refused, as sentences for people.

One table, so that every dialect says the same and chatd-protocol(7) can be checked against it.
``{value}`` is what was refused or the limit that was met. IRC clients are told most of them as a
numeric or a FAIL, in the words of its specifications.
"""

from typing import Final

IRC_PROBLEMS: Final[dict[str, str]] = {
    "need-more-parameters": "{value} needs more parameters",
    "no-nick": "no nick given",
    "no-origin": "no token given",
    "no-recipient": "{value} needs somebody to send it to",
    "no-text": "no text to send",
    "invalid-cap": "CAP has no subcommand {value}",
    "unknown-subcommand": "there is no such subcommand: {value}",
    "input-too-long": "line dropped: its tags or the rest of it are too long",
    "invalid-utf8": "{value} dropped: it is not valid UTF-8",
    "line-has-nul": "{value} dropped: it holds a NUL",
    "sasl-too-long": "a piece of AUTHENTICATE is longer than {value} characters",
    "help-not-found": "there is no help on {value}",
    "chathistory-unknown": "CHATHISTORY has no subcommand {value}",
    "chathistory-incomplete": "CHATHISTORY {value} needs more parameters",
    "chathistory-invalid": "CHATHISTORY cannot take {value}",
    "markread-incomplete": "MARKREAD needs more parameters",
    "markread-invalid": "MARKREAD cannot take {value}",
}
"""What only the reader of IRC finds; chatd-irc(7) has what is sent for them."""

PROBLEMS: Final[dict[str, str]] = {
    "line-too-long": "line dropped: it is longer than {value} bytes",
    "line-crashed": "line dropped: it crashed the process that reads it: {value}",
    "line-failed": "line dropped: the server failed at it, and has written down why",
    "unknown-command": "no such command: {value} (/help lists them, // says a line with /)",
    "missing-nick": "which nick? usage: {value}",
    "missing-room": "which room? usage: {value}",
    "missing-text": "say what? usage: {value}",
    "nick-invalid": "nick {value} is not possible: letters, digits, _-[]{{}}|^`\\, no '-' first",
    "nick-too-long": "nick too long: at most {value} characters",
    "nick-in-use": "nick {value} is in use",
    "nick-unknown": "nobody here is called {value}",
    "room-invalid": "room {value} is not possible: use letters, digits and _-[]{{}}|^`\\",
    "room-too-long": "room name too long: at most {value} characters",
    "room-unknown": "there is no room {value} (/rooms lists them)",
    "rooms-full": "no new room: the server has its limit of {value}",
    "already-there": "you are in {value} already",
    "in-lobby": "you are in {value}, where everybody starts; /quit leaves the server",
    "not-a-count": "how many? usage: {value}",
    "not-named": "you are {value}, which was somebody else before: /nick NAME first",
    "history-unavailable": "the journal cannot be read: {value}",
    "not-written": "not said yet: {value}; it is tried again every second",
    "topic-too-long": "topic too long: at most {value} characters",
    "text-unsafe": "line dropped: it holds characters that may not be passed on",
    **IRC_PROBLEMS,
}


def explain(problem: str, value: str) -> str:
    """Return the sentence for ``problem``; raises KeyError for one that is not in the table."""
    return PROBLEMS[problem].format(value=value)
