"""JSON in, JSON out, one object a line. chat-client(1), JSON.

Out goes every piece of news, with the key ``event``; keys that have their default are left out. In
come orders, with the key ``order``, and perhaps ``ref``, which the answer repeats.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec

from chatd_client.companion import Companion
from chatd_client.exchange import (
    AnyNews,
    AnyOrder,
    Order,
    Quit,
    Resume,
    Say,
    Target,
)
from chatd_client.scripting.plain import is_message
from chatd_client.scripting.script import Script

ORDERS: Final[dict[str, type[Order]]] = {
    order.__name__.lower(): order for order in get_args(AnyOrder) if order is not Resume
}
"""What can be ordered, by its name in JSON."""


class StructuredScript(Script):
    """Tells everything, and does what it is told."""

    def __init__(
        self,
        companion: Companion,
        target: Target,
        complain: Callable[[str], None],
        show: Callable[[str], None],
        *,
        once: bool = False,
    ) -> None:
        """``show`` is given lines, with their ends; ``once``: leave after the first message."""
        super().__init__(companion, target, complain)
        self._show = show
        self._once = once
        self._has_begun = False

    @property
    def wants_input(self) -> bool:
        """Whether more can be taken now: not before there is somebody to order anything from."""
        return super().wants_input and self._has_begun

    def hear(self, news: AnyNews) -> None:
        """Tell ``news``."""
        super().hear(news)
        self._has_begun = self._was_online
        self._tell(as_json(news))
        if self._once and is_message(news):
            self._once = False
            self.leave()

    def typed(self, line: str) -> None:
        """Take an order."""
        if not line.strip():
            return
        ref: Any = None
        try:
            wanted = _object(line)
            ref = wanted.pop("ref", None)
            order = self._order_of(wanted)
        except (ValueError, RecursionError) as error:
            self._answer("error", ref, why=str(error))
            return
        self.order(order)
        extra = {"id": order.id} if isinstance(order, Say) else {}
        self._answer("accepted", ref, **extra)

    def _order_of(self, wanted: dict[str, Any]) -> AnyOrder:
        """Return the order in ``wanted``. Raises ValueError."""
        name = wanted.pop("order", None)
        kind = ORDERS.get(name) if isinstance(name, str) else None
        if kind is None:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}")
        if kind is Say:
            wanted.setdefault("id", secrets.token_hex(16))
            wanted.setdefault("room", self.room)
            if not wanted["room"]:
                raise ValueError("room is missing: it is not known yet where one talks here")
        unknown = set(wanted) - set(kind.__struct_fields__)
        if unknown:
            raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
        try:
            order: AnyOrder = msgspec.convert({"type": kind.__name__, **wanted}, kind)  # type: ignore[assignment]  # one of AnyOrder
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        if isinstance(order, Quit):
            self._at_end = True
        return order

    def _answer(self, event: str, ref: Any, **more: Any) -> None:
        answer = {"event": event, **more}
        if ref is not None:
            answer["ref"] = ref
        self._tell(answer)

    def _tell(self, what: dict[str, Any]) -> None:
        self._show(json.dumps(what, ensure_ascii=False) + "\n")


def _object(line: str) -> dict[str, Any]:
    """Return the JSON object that ``line`` is. Raises ValueError."""
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("an order is an object with the key order")  # noqa: TRY004  # as json's own
    return found


def as_json(news: AnyNews) -> dict[str, Any]:
    """Return ``news`` as it is told."""
    fields: dict[str, Any] = msgspec.to_builtins(news)
    fields.pop("type")
    return {"event": type(news).__name__.lower(), **fields}
