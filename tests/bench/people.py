"""Clients by the thousand, in Python, where what they hear is looked at."""

import os
import select
import signal
import socket
import time
from typing import Self

PATIENCE = 60.0
"""Seconds after which what should have been heard counts as lost."""

GREETED = b"/help lists the commands.\n"
"""How the greeting ends."""

ANSWERED = b"leave the server\n"
"""How the answer to /help ends."""


class Crowd:
    """Many clients of one server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._poller = select.epoll()
        self.members: list[socket.socket] = []
        self._by_descriptor: dict[int, socket.socket] = {}
        self._heard: dict[int, bytearray] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.close()
        self._poller.close()

    def join(self, *, ask: bool = False) -> float:
        """Let one more in; return the seconds until it is greeted or, if it asks, answered.

        The greeting comes from the master; to be answered, a worker must have read the question.
        """
        end = ANSWERED if ask else GREETED
        began = time.perf_counter()
        member = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        if ask:
            member.sendall(b"/help\n")
        _hear(member, end)
        taken = time.perf_counter() - began
        self._enter(member)
        return taken

    def await_worker(self) -> None:
        """Have the last who came be answered, so that its worker is there."""
        member = self.members[-1]
        member.settimeout(PATIENCE)
        member.sendall(b"/help\n")
        _hear(member, ANSWERED)
        member.setblocking(False)

    def rush(self, many: int) -> float:
        """Let ``many`` in, who connect at once; return the seconds until all are greeted."""
        began = time.perf_counter()
        newcomers = [
            socket.create_connection(("127.0.0.1", self._port), PATIENCE) for _ in range(many)
        ]
        for member in newcomers:
            _hear(member, GREETED)
        taken = time.perf_counter() - began
        for member in newcomers:
            self._enter(member)
        return taken

    def _enter(self, member: socket.socket) -> None:
        member.setblocking(False)
        self._poller.register(member, select.EPOLLIN)
        self.members.append(member)
        self._by_descriptor[member.fileno()] = member
        self._heard[member.fileno()] = bytearray()

    def hush(self) -> None:
        """Let what is under way arrive, and forget it."""
        self.say(self.members[0], "quiet please")
        for heard in self._heard.values():
            heard.clear()

    def say(self, speaker: socket.socket, text: str) -> float:
        """Have ``speaker`` say ``text``; return the seconds until everybody has heard it."""
        end = f" : {text}\n".encode()
        began = time.perf_counter()
        speaker.send(f"{text}\n".encode())
        missing = {d for d, heard in self._heard.items() if not heard.endswith(end)}
        while missing:
            ready = self._poller.poll(PATIENCE)
            assert ready, f"{len(missing)} of {len(self._heard)} did not hear {text!r}"
            for descriptor, _ in ready:
                data = self._by_descriptor[descriptor].recv(1 << 16)
                assert data, "a client was disconnected"
                self._heard[descriptor] += data
                if self._heard[descriptor].endswith(end):
                    missing.discard(descriptor)
        return time.perf_counter() - began

    def heard(self) -> list[list[str]]:
        """Return the different things that members heard since ``hush``: one list is the hope."""
        return [
            bytes(heard).decode().splitlines() for heard in set(map(bytes, self._heard.values()))
        ]

    def kill_and_say(self, worker: int) -> float:
        """Kill ``worker``, that of the one member; return the seconds until its next line is back.

        It has been heard before, so there is something to commit and no delay to the restart.
        """
        began = time.perf_counter()
        os.kill(worker, signal.SIGKILL)
        self.say(self.members[0], f"again {began}")
        return time.perf_counter() - began


def _hear(member: socket.socket, end: bytes) -> None:
    """Read what ``member`` is told up to ``end``."""
    heard = b""
    while end not in heard:
        data = member.recv(1 << 16)
        assert data, f"closed after {heard!r}"
        heard += data
