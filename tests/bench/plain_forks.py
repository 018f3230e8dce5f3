"""Plain ``os.fork``, many times: what the birth of a worker is held against.

``plain_forks.py LEVEL ...``: a process with the master's imports forks children that say one byte
over a socket pair and then wait, until there are LEVEL of them; prints the figures as one line of
JSON, waits for a line on standard input, goes on to the next LEVEL. Ends its children at its own
end.
"""

import gc
import json
import os
import signal
import socket
import sys
import time

from chatd_supervisor.lean import lean_imports

with lean_imports():
    from chatd_supervisor import cli, listeners, master

    IMPORTED = (cli, listeners, master)

SAMPLE = 100
"""Births before each level that are timed."""


def main() -> None:
    """Fork up to each level in turn."""
    gc.collect()
    gc.freeze()
    children: list[int] = []
    ends: list[socket.socket] = []
    try:
        for level in map(int, sys.argv[1:]):
            grow(children, ends, level - SAMPLE)
            spent = time.process_time()
            times = grow(children, ends, level)
            spent = time.process_time() - spent
            print(
                json.dumps({"ms": [t * 1e3 for t in times], "cpu_ms": spent / SAMPLE * 1e3}),
                flush=True,
            )
            if not sys.stdin.readline():
                return
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)


def grow(children: list[int], ends: list[socket.socket], count: int) -> list[float]:
    """Fork until there are ``count`` children; return the seconds until each said its byte."""
    times = []
    while len(children) < count:
        ours, theirs = socket.socketpair()
        began = time.perf_counter()
        child = os.fork()
        if not child:
            theirs.send(b"x")
            while True:
                signal.pause()
        children.append(child)
        ours.recv(1)
        times.append(time.perf_counter() - began)
        theirs.close()
        ends.append(ours)
    return times


if __name__ == "__main__":
    main()
