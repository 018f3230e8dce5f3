"""A companion that writes down what it hears, whatever face the client has."""

import time
from pathlib import Path

from chatd_client.companion import Companion
from chatd_client.exchange import AnyNews, AnyOrder, Said, Told
from chatd_client.habits.logbook import Logbook, LogError


class LoggingCompanion(Companion):
    """Passes everything on between ``companion`` and its face, and what is said to ``logbook``."""

    def __init__(self, companion: Companion, logbook: Logbook | None, complaint: str = "") -> None:
        """Without a ``logbook``, ``complaint`` is told and that is all."""
        self._companion = companion
        self._logbook = logbook
        self._complaint = complaint

    def fileno(self) -> int:
        """Return the companion's descriptor."""
        return self._companion.fileno()

    def receive(self) -> list[AnyNews]:
        """Return what has come, written down; that a log cannot be written is news too."""
        news: list[AnyNews] = []
        for each in self._companion.receive():
            news.append(each)
            if isinstance(each, Said):
                self._write(each)
            if self._complaint:
                news.append(Told(text=self._complaint, error=True, time=time.time_ns() // 1000))
                self._complaint = ""
        return news

    def _write(self, said: Said) -> None:
        if self._logbook is not None:
            try:
                self._logbook.write(said)
            except LogError as error:
                self._complaint = str(error)

    def order(self, order: AnyOrder) -> None:
        """Pass it on."""
        self._companion.order(order)

    def close(self) -> None:
        """End the companion, and close the files."""
        self._companion.close()
        if self._logbook is not None:
            self._logbook.close()


def logged(companion: Companion, directory: Path, server: str) -> Companion:
    """Return ``companion``, with what is said on ``server`` written below ``directory``.

    If that cannot be, it is told with the first news: people see nothing that is said before.
    """
    try:
        return LoggingCompanion(companion, Logbook(directory, server))
    except LogError as error:
        return LoggingCompanion(companion, None, str(error))
