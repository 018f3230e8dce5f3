"""A relay: the worker of a client whose stream it must transform, or hand on.

Such a worker holds three sockets: the client's socket as all of chatd knows it, which is one end
of a pair, the other end of it, and the one that the client really is connected to. A thread pumps
between the last two (``pump``); all else in the worker is as for any client.

What is different follows from that. The real socket lives in this process alone, and so does the
TLS session: they survive the master's death and its upgrades, but when this process is killed the
connection ends. When the master has done with the client it ends its direction and waits; the
pump gives the client the rest, and then this process ends by itself.
"""

import contextlib
import os
import signal
import socket
import threading
from typing import NoReturn

from chatd_workers.commands import Secured
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Closing
from chatd_workers.pump import Pump
from chatd_workers.reports import MAX_TRACE, Serve, Trace, encode
from chatd_workers.stacks import of_error
from chatd_workers.streams import HeaderFirst, Plain, Stream


class Relay:
    """The pump's thread, and what is known of it."""

    def __init__(
        self,
        orders: Serve,
        outer: socket.socket,
        inner: socket.socket,
        credentials: int | None,
        channel: socket.socket,
    ) -> None:
        """``credentials`` is the descriptor of the certificate and its key, which is closed.

        ``channel`` is where a fault is told. Raises OSError if the credentials cannot be used.
        """
        self.channel = channel
        self._stream = _stream(orders, credentials)
        self._pump = Pump(
            outer,
            inner,
            self._stream,
            lambda reason: DIALECTS[orders.dialect].write(Closing(reason), 0),
        )
        self._told = False

    def start(self) -> None:
        """Begin to pump."""
        threading.Thread(target=self._run, name="pump", daemon=True).start()

    def _run(self) -> NoReturn:
        # Signals are for the main thread, which is to be woken by them.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._pump.run()
        except BaseException as error:  # noqa: BLE001  # whatever it is, this process ends of it
            with contextlib.suppress(OSError):
                said = of_error(error)[-MAX_TRACE:]
                self.channel.send(encode(Trace(said)), socket.MSG_DONTWAIT)
            os._exit(os.EX_SOFTWARE)
        os._exit(os.EX_OK)

    def fresh(self) -> Secured | None:
        """Return what the master is to be told of the connection, until ``told``.

        Whatever the client has said came after that was known.
        """
        return None if self._told else self._stream.secured

    def told(self) -> None:
        """Take note that the master knows."""
        self._told = True

    @property
    def reason(self) -> str:
        """Why the client's stream was broken; empty: it was not."""
        return self._pump.reason

    @property
    def truncated(self) -> bool:
        """Tell whether the stream may have been cut by somebody else than the client."""
        return self._stream.truncated

    def hurry(self) -> None:
        """Have the connection closed as soon as the client has all that it was sent."""
        self._pump.hurry()


def _stream(orders: Serve, credentials: int | None) -> Stream:
    if orders.relay != "tls":
        return Plain()
    assert credentials is not None, "TLS needs a certificate"
    # Only here: most servers have no use for it.
    from chatd_workers.tls import Tls, server_context  # noqa: PLC0415

    stream = Tls(server_context(credentials))
    return HeaderFirst(stream) if orders.proxied else stream
