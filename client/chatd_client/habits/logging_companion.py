"""A companion that writes down what it hears, whatever face the client has."""

from chatd_client.companion import Companion
from chatd_client.exchange import AnyNews, AnyOrder, Said, Told
from chatd_client.habits.logbook import Logbook, LogError


class LoggingCompanion(Companion):
    """Passes everything on between ``companion`` and its face, and what is said to ``logbook``."""

    def __init__(self, companion: Companion, logbook: Logbook) -> None:
        self._companion = companion
        self._logbook = logbook

    def fileno(self) -> int:
        """Return the companion's descriptor."""
        return self._companion.fileno()

    def receive(self) -> list[AnyNews]:
        """Return what has come, written down; that a log cannot be written is news too."""
        heard = self._companion.receive()
        news: list[AnyNews] = []
        for each in heard:
            news.append(each)
            if isinstance(each, Said):
                try:
                    self._logbook.write(each)
                except LogError as error:
                    news.append(Told(text=str(error), error=True, time=each.time))
        return news

    def order(self, order: AnyOrder) -> None:
        """Pass it on."""
        self._companion.order(order)

    def close(self) -> None:
        """End the companion, and close the files."""
        self._companion.close()
        self._logbook.close()
