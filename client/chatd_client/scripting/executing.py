"""A command for each message: what it writes is said.

The message is in the command's environment and, as JSON, on its standard input; it is never part
of the command itself, whatever it holds. One command runs at a time, in the order of the messages.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections import deque
from typing import Final

from chatd_client.exchange import AnyNews, Kind, Said, Say
from chatd_client.scripting.plain import is_message
from chatd_client.scripting.script import Script
from chatd_client.scripting.structured import as_json
from chatd_client.scripting.typed import Lines

PATIENCE: Final = 60.0
"""Seconds that a command may take."""

MOST_SAID: Final = 16 * 1024
"""Bytes of a command's output that are said."""

MOST_WAITING: Final = 1000
"""Messages that wait for their turn; more are left out, and that is told."""


class Executor:
    """Runs ``command`` for each message that ``hear`` is given."""

    def __init__(self, command: str, script: Script, *, once: bool = False) -> None:
        self._command = command
        self._script = script
        self._once = once
        self._waiting: deque[Said] = deque()
        self._left_out = 0
        self._running: subprocess.Popen[bytes] | None = None
        self._message: Said | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # as long as we live
        self._pidfd = -1
        self._deadline = 0.0

    def hear(self, news: AnyNews) -> None:
        """Have the command run if ``news`` is a message of somebody else."""
        if not is_message(news):
            return
        assert isinstance(news, Said)
        if len(self._waiting) >= MOST_WAITING:
            self._left_out += 1
            return
        self._waiting.append(news)
        self._next()

    def fileno(self) -> int:
        """Return what is readable when the command has ended; -1: none runs."""
        return self._pidfd

    def time_left(self) -> float | None:
        """Return the seconds until the command has taken too long, None if none runs."""
        return None if self._running is None else max(0.0, self._deadline - time.monotonic())

    def look(self) -> None:
        """See whether the command has ended, or has taken too long."""
        if self._running is None:
            return
        code = self._running.poll()
        if code is None:
            if time.monotonic() < self._deadline:
                return
            self._complain(f"has taken more than {PATIENCE:g} s")
            os.killpg(self._running.pid, signal.SIGKILL)
            code = self._running.wait()
        elif code:
            how = f"exited with status {code}" if code > 0 else f"was killed by signal {-code}"
            self._complain(how)
        os.close(self._pidfd)
        self._pidfd, self._running = -1, None
        self._say_output()
        if self._once:
            self._waiting.clear()
            self._script.leave()
        self._next()

    def close(self) -> None:
        """End what runs."""
        if self._running is not None:
            os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()
            os.close(self._pidfd)
        self._output.close()

    def _next(self) -> None:
        if self._running is not None or not self._waiting:
            return
        if self._left_out:
            self._complain(f"was too slow: {self._left_out} messages were left out")
            self._left_out = 0
        said = self._message = self._waiting.popleft()
        self._output.seek(0)
        self._output.truncate()
        environment = {
            **os.environ,
            "CHAT_ROOM": said.room,
            "CHAT_NICK": said.nick,
            "CHAT_TEXT": said.text,
            "CHAT_KIND": said.kind.value,
            "CHAT_TIME": f"{said.time / 1e6:.6f}",
            "CHAT_MSGID": said.msgid,
            "CHAT_ACCOUNT": said.account,
            "CHAT_OWN_NICK": self._script.nick,
        }
        with tempfile.TemporaryFile() as message:
            message.write(json.dumps(as_json(said), ensure_ascii=False).encode() + b"\n")
            message.seek(0)
            self._running = subprocess.Popen(
                ["/bin/sh", "-c", self._command],
                stdin=message,
                stdout=self._output,
                env=environment,
                start_new_session=True,
            )
        self._pidfd = os.pidfd_open(self._running.pid)
        self._deadline = time.monotonic() + PATIENCE

    def _say_output(self) -> None:
        said = self._message
        assert said is not None, "the command has run for one"
        self._output.seek(0)
        data = self._output.read(MOST_SAID + 1)
        if len(data) > MOST_SAID:
            self._complain(f"has written more than {MOST_SAID} bytes; the rest is not said")
            data = data[:MOST_SAID]
        for line in Lines().feed(data, final=True):
            if line.strip():
                self._script.order(
                    Say(id=os.urandom(16).hex(), room=said.room, text=line, kind=Kind.MESSAGE)
                )

    def _complain(self, what: str) -> None:
        self._script.complain(f"{self._command!r} {what}")
