"""A network that breaks: a proxy that cuts connections when told to, in the middle of a line."""

import contextlib
import random
import select
import socket
import struct
import threading
from typing import Final

BLOCK: Final = 16 * 1024


class Cutter:
    """Passes bytes on to a port, and cuts what it passes on."""

    def __init__(self, port: int, dice: random.Random) -> None:
        self._port = port
        self._dice = dice
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._wanted = 0
        self._lock = threading.Lock()
        self.cuts = 0
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Cut a connection, any, the next time something passes it."""
        with self._lock:
            self._wanted += 1

    def close(self) -> None:
        """Cut everything and end."""
        self._over = True
        self._thread.join(10)
        self._listener.close()

    def _run(self) -> None:
        while not self._over:
            ready, _, _ = select.select([self._listener, *self._pairs], [], [], 0.05)
            for side in ready:
                if side is self._listener:
                    self._accept()
                elif side in self._pairs:
                    self._pass(side)
        for side in list(self._pairs):
            self._end(side)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._port), 5)
        except OSError:
            client.close()
            return
        self._pairs[client], self._pairs[server] = server, client

    def _pass(self, side: socket.socket) -> None:
        try:
            data = side.recv(BLOCK)
            with self._lock:
                cuts, self._wanted = self._wanted > 0, max(0, self._wanted - 1)
            if cuts and data:
                # A part of it still arrives.
                data = data[: self._dice.randrange(len(data) + 1)]
            if data:
                self._pairs[side].sendall(data)
            if cuts or not data:
                self.cuts += cuts
                self._end(side)
        except OSError:
            self._end(side)

    def _end(self, side: socket.socket) -> None:
        other = self._pairs.pop(side, None)
        if other is None:
            return
        self._pairs.pop(other, None)
        for each in (side, other):
            if self._dice.random() < 0.5:
                # A reset instead of an end. socket(7), SO_LINGER.
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
