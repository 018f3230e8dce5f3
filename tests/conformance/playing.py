"""Plays the script of a row against a server."""

import contextlib
import re
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from conformance.patterns import Pattern
from conformance.proofs import prove
from irc_harness import OPER, Closed, IrcClient
from irc_messages import Message, is_like, shown

TAGGED = frozenset(
    {"message-tags", "server-time", "account-tag", "batch", "labeled-response", "draft/multiline"}
)
"""Capabilities any of which allows tags; without one a client must never see any."""

RECEIVED = 12
"""Messages that are shown of what somebody has heard when a step fails."""


class Stage:
    """Who is connected, and what has been remembered."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: dict[str, IrcClient] = {}
        self._known: dict[str, str] = {}
        self._busy: set[str] = set()
        """Who has said something that the server may not have dealt with."""
        self._heard: dict[str, list[Message]] = {}
        self._steps: dict[str, Callable[[str, str], None]] = {
            "enters": self._enters,
            "connects": self._connects,
            "drops": self._drops,
            "joins": self._joins,
            "is": self._is_oper,
            "registers": self._registers,
            "proves-for": self._proves_for,
            "fills": self._fills,
            "pauses": self._pauses,
            "knows": self._knows,
            ">": self._says,
            ">>": self._says_raw,
            "<": self._hears,
            "<*": self._hears_one_of,
            "<~": self._hears_at_last,
            "<!": self._hears_nothing_like,
            "<.": self._hears_nothing,
            "awaits": self._awaits,
            "closed": self._is_closed,
        }
        self._any_order: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            client.close()

    def play(self, steps: list[str]) -> None:
        """Play all steps. Raises AssertionError, which names the step and who heard what."""
        for number, step in enumerate(steps):
            following = steps[number + 1] if number + 1 < len(steps) else ""
            try:
                self._play(step, following)
            except (AssertionError, Closed) as error:
                error.add_note(f"step {number + 1}: {step}")
                for name, messages in self._heard.items():
                    last = "".join(f"\n    {message}" for message in messages[-RECEIVED:])
                    error.add_note(f"{name} has heard, at last:{last or ' nothing'}")
                raise

    def _play(self, step: str, following: str) -> None:
        if step == "---":
            self._forget()
            return
        name, verb, *rest = step.split(" ", 2)
        assert verb in self._steps, f"no such step: {step}"
        self._steps[verb](name, rest[0] if rest else "")
        if verb == "<*" and following.split(" ", 2)[:2] != [name, "<*"]:
            self._all_came(name)

    def _client(self, name: str) -> IrcClient:
        if name not in self._clients:
            self._enters(name, "")
        return self._clients[name]

    def _connects(self, name: str, _: str) -> None:
        assert name not in self._clients, f"{name} is there"
        self._clients[name] = IrcClient(self._port)
        self._heard[name] = []

    def _enters(self, name: str, rest: str) -> None:
        self._connects(name, "")
        caps = rest.removeprefix("with ").split()
        self._clients[name].register(name, caps)

    def _does(self, name: str, line: str, verb: str, *params: str) -> None:
        """Say ``line``, which must have ``verb`` with ``params`` come, and let all be forgotten."""
        self._client(name).send(line)
        came = self._client(name).sync()
        assert any(is_like(message, verb, params) for message in came), f"no {verb}; {shown(came)}"
        self._forget()

    def _drops(self, name: str, _: str) -> None:
        self._clients.pop(name).close()

    def _joins(self, name: str, rest: str) -> None:
        client = self._client(name)
        if rest == "as many as allowed":
            limit = limits(client.isupport["CHANLIMIT"])["#"]
            rooms = [f"#n{number}{suffix_of(name)}" for number in range(1, limit + 1)]
        else:
            rooms = [rest]
        for room in rooms:
            self._does(name, f"JOIN {room}", "JOIN")

    def _fills(self, name: str, rest: str) -> None:
        letter, room = rest.split(" of ")
        client = self._client(name)
        [limit] = [
            n for letters, n in limits(client.isupport["MAXLIST"]).items() if letter in letters
        ]
        client.send(*(f"MODE {room} +{letter} full{number}!*@*" for number in range(limit)))
        self._forget()

    def _pauses(self, *_: str) -> None:
        # What is said then has another server-time, which has milliseconds.
        time.sleep(0.005)

    def _knows(self, name: str, _: str) -> None:
        self._client(name).send("VERSION")
        tokens = [m.params[1:-1] for m in self._client(name).sync() if m.verb == "005"]
        assert tokens, "no 005"
        for line in tokens:
            assert len(line) <= 13, f"{len(line)} tokens: {line}"
            assert "".join(line).isascii(), line

    def _is_oper(self, name: str, rest: str) -> None:
        assert rest == "oper", f"{name} is {rest}?"
        self._does(name, "OPER {} {}".format(*OPER), "381")

    def _registers(self, name: str, password: str) -> None:
        self._does(name, f"REGISTER * * {password}", "REGISTER", "SUCCESS")

    def _proves_for(self, name: str, rest: str) -> None:
        account, password, by, mechanism = rest.split()
        assert by == "by", rest
        prove(self._clients[name], account, password, mechanism)

    def _says(self, name: str, line: str) -> None:
        client = self._client(name)
        for key, value in self._known.items():
            line = line.replace(f"<{key}>", value)
        client.send(line)
        self._busy.add(name)

    def _says_raw(self, name: str, text: str) -> None:
        data = text.encode("utf-8").decode("unicode_escape").encode("latin-1")
        client = self._client(name)
        client.asked.update(re.findall(r"\bNICK (\S+)", text.replace("\\r\\n", "\n")))
        client.send_raw(data)
        self._busy.add(name)

    def _hears(self, name: str, text: str) -> None:
        message = self._next(name)
        wrong = self._pattern(text).mismatch(message, self._called(name))
        assert not wrong, f"{wrong} in {message}"

    def _hears_one_of(self, _: str, text: str) -> None:
        self._any_order.append(text)

    def _all_came(self, name: str) -> None:
        """Hear as many messages as there are patterns, and find one for each."""
        patterns, self._any_order = self._any_order, []
        messages = [self._next(name) for _ in patterns]
        for text in patterns:
            pattern = self._pattern(text)
            like = [m for m in messages if not pattern.mismatch(m, self._called(name))]
            assert like, f"nothing like {text}"
            messages.remove(like[0])

    def _hears_at_last(self, name: str, text: str) -> None:
        while True:
            message = self._next(name)
            if not self._pattern(text).mismatch(message, self._called(name)):
                return

    def _hears_nothing_like(self, name: str, text: str) -> None:
        text = text if text.endswith("[...]") else f"{text} [...]"
        self._settle(name)
        client = self._client(name)
        while client.heard():
            message = self._checked(name, client.read())
            assert self._pattern(text).mismatch(message, self._called(name)), message

    def _hears_nothing(self, name: str, _: str) -> None:
        self._settle(name)
        client = self._client(name)
        if client.heard():
            message = self._checked(name, client.read())
            raise AssertionError(f"{name} heard {message}")

    def _awaits(self, name: str, text: str) -> None:
        """Hear something that nobody's command has caused, whenever it comes."""
        message = self._checked(name, self._client(name).read())
        wrong = self._pattern(text).mismatch(message, self._called(name))
        assert not wrong, f"{wrong} in {message}"

    def _is_closed(self, name: str, _: str) -> None:
        messages = self._client(name).until_closed()
        assert not messages, f"before the close: {messages}"

    def _next(self, name: str) -> Message:
        client = self._client(name)
        if client.registered and not client.heard():
            # All that is to come has come, or never does: nothing waits for a deadline.
            self._settle(name)
            assert client.heard(), f"{name} heard nothing"
        return self._checked(name, client.read())

    def _checked(self, name: str, message: Message) -> Message:
        client = self._client(name)
        self._heard[name].append(message)
        assert not message.tags or client.caps & TAGGED, f"tags for {name}: {message}"
        return message

    def _settle(self, name: str) -> None:
        """Have everything at hand that the server has sent to ``name`` up to now."""
        for busy in self._busy - {name}:
            with contextlib.suppress(Closed):
                self._clients[busy].settle()
        self._busy.clear()
        self._clients[name].settle()

    def _forget(self) -> None:
        """Let everybody hear everything, and forget it."""
        for client in self._clients.values():
            client.settle()
        for client in self._clients.values():
            client.sync()
        self._busy.clear()

    def _called(self, name: str) -> set[str]:
        return self._client(name).names()

    def _pattern(self, text: str) -> Pattern:
        return Pattern(text, self._known)


def limits(token: str) -> dict[str, int]:
    """Return the limits of a token like CHANLIMIT or MAXLIST, ``WHAT:NUMBER,...``; 0 is none."""
    pairs = (one.partition(":") for one in token.split(","))
    return {key: int(number or 0) for key, _, number in pairs}


def suffix_of(name: str) -> str:
    """Return what makes a name one of this row alone."""
    found = re.search(r"\d+$", name)
    assert found, name
    return found[0]
