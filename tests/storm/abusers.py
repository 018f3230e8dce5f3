"""Those who abuse a server, in a process of their own: ``abusers.py PORT SECONDS SEED STORM``.

Some flood a room of theirs, some sit in it and never read, some say nothing, some send garbage;
and all the time others come from ADDRESSES loopback addresses, STORM a second, and go at once,
with a reset or without. Whoever is sent away comes again. Prints how many came.
"""

import contextlib
import random
import select
import socket
import struct
import sys
import time
from typing import Final

ADDRESSES: Final = 200
FLOODERS: Final = 10
SLOW: Final = 10
SILENT: Final = 30
GARBAGE: Final = 10

LINGER: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: a close is a reset (socket(7))."""

FLOOD: Final = b"/join #flood\n" + b"all the same to me, and to you as well\n" * 200


class Abuser:
    """One connection, and how it behaves."""

    def __init__(self, kind: str, port: int, dice: random.Random) -> None:
        self.kind = kind
        self._dice = dice
        number = dice.randrange(ADDRESSES)
        self.socket = socket.socket()
        if kind == "slow":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind((f"127.0.{1 + number // 100}.{1 + number % 100}", 0))
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))
        self._begun = False
        self.until = time.monotonic() + dice.uniform(0.0, 0.2)

    def act(self) -> bool:
        """Do what it does; return whether the connection still is."""
        try:
            self._say()
            if self.kind == "slow" and self._begun:
                return True
            return bool(self.socket.recv(1 << 16))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _say(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if self.kind == "flood":
                self.socket.send(FLOOD)
            elif self.kind == "slow" and not self._begun:
                self.socket.send(b"/join #flood\n")
                self._begun = True
            elif self.kind == "garbage":
                self.socket.send(self._dice.randbytes(self._dice.randrange(1, 4000)))

    def close(self) -> None:
        """Go, with a reset or without."""
        if self._dice.random() < 0.5:
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        self.socket.close()


def main() -> None:
    """Abuse as the arguments say."""
    port, seconds, seed, storm = int(sys.argv[1]), *map(float, sys.argv[2:5])
    dice = random.Random(seed)
    kinds = ["flood"] * FLOODERS + ["slow"] * SLOW + ["silent"] * SILENT + ["garbage"] * GARBAGE
    staying = [Abuser(kind, port, dice) for kind in kinds]
    passing: list[Abuser] = []
    came = len(staying)
    ending = time.monotonic() + seconds
    due = time.monotonic()
    while (now := time.monotonic()) < ending:
        select.select([], [], [], 0.01)
        while storm and due <= now:
            due += 1 / storm
            passing.append(Abuser("passing", port, dice))
            came += 1
        for place, abuser in enumerate(staying):
            if not abuser.act():
                abuser.close()
                staying[place] = Abuser(abuser.kind, port, dice)
                came += 1
        for abuser in passing:
            if abuser.until <= now:
                abuser.close()
        passing = [abuser for abuser in passing if abuser.until > now]
    for abuser in (*staying, *passing):
        abuser.close()
    print(came)


if __name__ == "__main__":
    main()
