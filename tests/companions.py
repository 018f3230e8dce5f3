"""The reading process of chat-client for the tests: a companion whose news can be awaited."""

import contextlib
import secrets
import select
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from chatd_client.exchange import AnyNews, AnyOrder, Phase, Said, Say, Status, Target
from chatd_client.reader_process import ReaderProcess
from harness import PATIENCE

N = TypeVar("N")


class Desk:
    """A reading process, and all that it has told."""

    def __init__(self, target: Target) -> None:
        self.companion = ReaderProcess(target)
        self.news: list[AnyNews] = []
        self._seen = 0

    def order(self, *orders: AnyOrder) -> None:
        for order in orders:
            self.companion.order(order)

    def say(self, room: str, *texts: str) -> list[str]:
        """Say ``texts``; return the ids."""
        ids = [secrets.token_hex(16) for _ in texts]
        self.order(*(Say(id=i, room=room, text=t) for i, t in zip(ids, texts, strict=True)))
        return ids

    def expect(
        self, kind: type[N], patience: float = PATIENCE, /, where: object = None, **fields: Any
    ) -> N:
        """Return the next news of ``kind`` with these ``fields``, after what was expected last.

        ``where``: a function that must say yes to it.
        """
        test: Callable[[Any], bool] = where if callable(where) else lambda _: True
        deadline = time.monotonic() + patience
        while True:
            while self._seen < len(self.news):
                news = self.news[self._seen]
                self._seen += 1
                if (
                    isinstance(news, kind)
                    and all(getattr(news, name) == value for name, value in fields.items())
                    and test(news)
                ):
                    return news
            left = deadline - time.monotonic()
            assert left > 0, f"no {kind.__name__} {fields} in {self.news[-30:]}"
            self.wait(left)

    def wait(self, seconds: float) -> None:
        """Take what comes next, within ``seconds``."""
        if select.select([self.companion], [], [], seconds)[0]:
            self.news += self.companion.receive()

    def online(self) -> Status:
        return self.expect(Status, phase=Phase.ONLINE)

    def ended(self) -> Status:
        return self.expect(Status, phase=Phase.ENDED)

    def said(self, room: str) -> list[str]:
        """Return the texts that were told of ``room``, in order."""
        return [each.text for each in self.news if isinstance(each, Said) and each.room == room]


@contextlib.contextmanager
def reading(**target: Any) -> Iterator[Desk]:
    """Yield a desk at ``Target(**target)``."""
    desk = Desk(Target(**{"host": "127.0.0.1", **target}))
    try:
        yield desk
    finally:
        desk.companion.close()
