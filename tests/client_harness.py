"""chat-client for the tests: in a pipe, on a terminal, and servers that it can meet."""

import contextlib
import os
import pty
import re
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import CHAT_CLIENT, PATIENCE, eventually


def piped(
    said: str, *arguments: str | bytes, patience: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run chat-client with ``said`` as its input, to its end."""
    return subprocess.run(
        [CHAT_CLIENT, *arguments],
        input=said,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def reader_of(pid: int) -> int:
    """Return the pid of the reading process of the chat-client ``pid``."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return int(eventually("a reader", lambda: path.read_text().split())[0])


def gone(pid: int) -> None:
    """Wait until ``pid`` is no process any more, and no zombie."""
    eventually(f"{pid} is gone", lambda: not Path(f"/proc/{pid}").exists())


class Terminal:
    """chat-client on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.execv(CHAT_CLIENT, [CHAT_CLIENT, *arguments])
        self.shown = ""

    def sees(self, pattern: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.shown):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.shown!r}"
            assert self.sees_more(left), f"closed before {pattern!r} in {self.shown!r}"

    def sees_more(self, seconds: float) -> bool:
        """Add what is shown within ``seconds``; tell whether there still is a screen."""
        if select.select([self.screen], [], [], seconds)[0]:
            try:
                self.shown += os.read(self.screen, 65536).decode(errors="replace")
            except OSError:  # EIO: both processes have gone
                return False
        return True

    def type(self, text: str) -> None:
        os.write(self.screen, text.encode())

    def exit_code(self) -> int:
        def ended() -> tuple[int, int] | None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (pid, status) if pid else None

        found = eventually("chat-client ends", ended)
        assert found
        os.close(self.screen)
        return os.waitstatus_to_exitcode(found[1])


class Meeting:
    """A server for one client, that does what the test says, in a thread."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._act = act
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._listener.settimeout(PATIENCE)
        client, _ = self._listener.accept()
        client.settimeout(PATIENCE)
        # A client that goes with bytes unread resets the connection.
        with client, contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self._act(client)

    def end(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._listener.close()


@contextlib.contextmanager
def meeting(act: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the address of a server that does ``act`` with its one client."""
    server = Meeting(act)
    yield server.address
    server.end()


def greeting(then: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    """Return an act that greets as chatd does, and then does ``then``."""

    def act(client: socket.socket) -> None:
        client.sendall(b"--- Welcome to test. You are guest1 in #lobby.\n")
        then(client)

    return act


def hear_out(client: socket.socket) -> None:
    """Read to the end of the stream."""
    while client.recv(65536):
        pass
