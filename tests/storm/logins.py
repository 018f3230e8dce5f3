"""Somebody from elsewhere who logs in while others attack: how long that takes."""

import base64
import socket
import threading
import time
from typing import Final

ACCOUNT: Final = "mallory"
"""The account that attackers guess at, or have;"""
OTHER: Final = "calm"
"""that of whoever logs in from elsewhere;"""
PASSWORD: Final = "sesame"
"""and the password of both."""

ELSEWHERE: Final = "192.0.2.9"

PAUSE: Final = 0.3
"""Seconds from one login to the next."""

PATIENCE: Final = 60.0
"""Seconds that a login may take before it is given up."""

LONGEST: Final = 5.0
"""Seconds that a login from elsewhere may take."""


def proxied(address: str) -> bytes:
    """Return what a proxy says of a client at ``address``; nothing, if that is empty."""
    if not address:
        return b""
    family, here = ("TCP6", "::1") if ":" in address else ("TCP4", "127.0.0.1")
    return f"PROXY {family} {address} {here} 4711 6667\r\n".encode()


class Logins:
    """Logs in, by PLAIN, until it is ended."""

    def __init__(self, port: int) -> None:
        """``port`` is one behind a proxy."""
        self._port = port
        self._times: list[float] = []
        self._failed = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> str:
        """End, and return how long it took; a sentence with FAILED if one did not go well."""
        self._over.set()
        self._thread.join()
        if self._failed:
            return f"a login from elsewhere FAILED: {self._failed}"
        longest = max(self._times, default=0.0)
        late = "FAILED: " if longest > LONGEST else ""
        return f"{late}{len(self._times)} logins from elsewhere, {longest:.1f} s at most"

    def _run(self) -> None:
        while not self._over.wait(PAUSE) and not self._failed:
            try:
                self._log_in()
            except OSError as error:
                self._failed = str(error)

    def _log_in(self) -> None:
        proof = base64.b64encode(f"\0{OTHER}\0{PASSWORD}".encode())
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", self._port), PATIENCE) as client:
            client.sendall(proxied(ELSEWHERE) + b"CAP REQ sasl\r\nAUTHENTICATE PLAIN\r\n")
            client.sendall(b"AUTHENTICATE %s\r\nPING :logged-in\r\n" % proof)
            heard = b""
            while b"logged-in" not in heard:
                data = client.recv(1 << 16)
                if not data:
                    raise ConnectionError("end of the stream")
                heard += data
        self._times.append(time.monotonic() - begun)
        if b" 903 " not in heard:
            self._failed = heard.decode(errors="replace").replace("\r\n", " | ")
