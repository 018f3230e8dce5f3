"""News in words, as the screen shows them: pure."""

from time import localtime, strftime

from chatd_client.exchange import (
    Came,
    Hole,
    Listed,
    Modes,
    Person,
    Phase,
    Renamed,
    Status,
    Told,
    Topic,
    Went,
)
from chatd_client.screen.cells import shown


def clock(time: int) -> str:
    """Return the time of day of ``time``, microseconds since the epoch, here."""
    return strftime("%H:%M", localtime(time / 1e6))


def day(time: int) -> str:
    """Return the day of ``time``, as a line of its own has it."""
    return strftime("%A, %d %B %Y", localtime(time / 1e6))


def event(news: Came | Went | Renamed | Topic | Modes) -> str:
    """Return what has happened in a room, "" if it is nothing to be told."""
    match news:
        case Came():
            return "you have come in" if news.own else f"{shown(news.nick)} has come in"
        case Went():
            return _went(news)
        case Renamed():
            who = "you are" if news.own else f"{shown(news.nick)} is"
            return f"{who} now called {shown(news.new)}"
        case Topic():
            return _topic(news)
        case Modes():
            by = f" by {shown(news.by)}" if news.by else ""
            return f"mode {shown(news.text)}{by}"


def _topic(news: Topic) -> str:
    if news.by:
        return f"{shown(news.by)} has set the topic: {shown(news.text)}"
    return f"topic: {shown(news.text)}" if news.text else ""


def _went(news: Went) -> str:
    reason = f" ({shown(news.reason)})" if news.reason else ""
    if news.by:
        whom = "you have been" if news.own else f"{shown(news.nick)} has been"
        return f"{whom} kicked out by {shown(news.by)}{reason}"
    who = "you have" if news.own else f"{shown(news.nick)} has"
    return f"{who} {'left the server' if news.quit else 'left'}{reason}"


def answer(news: Told | Hole | Person | Listed) -> list[str]:
    """Return what the server answers, line by line."""
    match news:
        case Told():
            return [shown(news.text)]
        case Hole():
            return [f"what was said between {clock(news.since)} and {clock(news.until)} is missing"]
        case Person():
            width = max((len(label) for label, _ in news.facts), default=0)
            facts = [f"  {shown(label):<{width}}  {shown(value)}" for label, value in news.facts]
            return [f"{shown(news.nick)}:", *facts]
        case Listed(end=True):
            return ["end of the list of rooms"]
        case Listed():
            topic = f"  {shown(news.topic)}" if news.topic else ""
            return [f"  {shown(news.room)}  {news.members}{topic}"]


def status(before: Status, now: Status) -> str:
    """Return how the connection stands now, "" if that is nothing new."""
    if (before.phase, before.why, before.nick) == (now.phase, now.why, now.nick):
        return ""
    match now.phase:
        case Phase.CONNECTING:
            return "connecting" + (f" to {shown(now.server)}" if now.server else "")
        case Phase.ONLINE:
            secure = f", {now.secure}" if now.secure else ""
            return f"connected to {shown(now.server)} as {shown(now.nick)}{secure}"
        case Phase.WAITING:
            return (
                f"{shown(now.why) or 'the connection is lost'}; trying again in {now.retry:.0f} s"
            )
        case Phase.ENDED:
            return shown(now.why) or "the connection is closed"
