"""Completion: commands, names and rooms, whatever fits where the cursor is."""

from collections.abc import Callable, Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from chatd_client.screen.slash import COMMANDS
from chatd_client.screen.themes import THEMES
from chatd_client.screen.windows import Desk


class Words(Completer):
    """Completes the word before the cursor from what the desk knows."""

    def __init__(self, desk: Callable[[], Desk]) -> None:
        self._desk = desk

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterator[Completion]:
        """Yield what the word may become; a name at the beginning of a line is spoken to."""
        before = document.text_before_cursor
        word = before.rpartition(" ")[2]
        is_first = word == before
        for found in self._fitting(before, word, is_first=is_first):
            yield Completion(found, start_position=-len(word), display=found.strip())

    def _fitting(self, before: str, word: str, *, is_first: bool) -> Iterator[str]:
        if is_first and word.startswith("/"):
            yield from (f"/{name} " for name in sorted(COMMANDS) if f"/{name}".startswith(word))
            return
        if before.startswith("/theme "):
            yield from _beginning(word, THEMES)
            return
        desk = self._desk()
        if word.startswith("#"):
            rooms = sorted(window.name for window in desk.windows if window.is_room)
            yield from (f"{room} " for room in _beginning(word, rooms))
            return
        after = ": " if is_first else " "
        yield from (f"{nick}{after}" for nick in _beginning(word, _names(desk)))


def _names(desk: Desk) -> list[str]:
    """Return who may be meant: those who spoke here last, then all who are here, then others."""
    window = desk.window
    spoke = [line.nick for line in list(window.transcript)[-200:] if line.nick and not line.own]
    people = [w.name for w in desk.windows if w.name and not w.is_room]
    return list(dict.fromkeys([*reversed(spoke), *sorted(window.members), *people]))


def _beginning(word: str, names: Iterable[str]) -> Iterator[str]:
    folded = word.casefold()
    return (name for name in names if name.casefold().startswith(folded))
