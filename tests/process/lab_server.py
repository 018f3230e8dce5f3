"""A stand-in for the lab's server, on its wire: ``lab_server.py [PORT]``; says which port it got.

The father accepts and forks a child for each client. The child reads its client, at most 1023
bytes at a time, and writes what it read into a pipe to the father; the father writes that, and a
NUL, to every client. It writes to clients that have gone as well, ignores SIGPIPE, never closes a
client's socket itself, and leaves its listening socket open in every child. PORT 0 is a free one.
"""

import contextlib
import os
import select
import signal
import socket
import sys


def serve_one(client: socket.socket, father: int) -> None:
    """Be the child: everything the client writes goes to the father, one read a write."""
    with contextlib.suppress(ConnectionResetError):
        while data := client.recv(1023):
            os.write(father, data)
    os._exit(0)


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5015
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", port))
    print(listener.getsockname()[1], flush=True)
    # O_DIRECT: a pipe whose reads return one write each. pipe(2).
    from_children, to_father = os.pipe2(os.O_DIRECT)
    clients: list[socket.socket] = []
    while True:
        ready, _, _ = select.select([listener.fileno(), from_children], [], [])
        if from_children in ready:
            said = os.read(from_children, 1023) + b"\0"
            for client in clients:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    client.sendall(said)
        if listener.fileno() in ready:
            client, _ = listener.accept()
            clients.append(client)
            if os.fork() == 0:
                serve_one(client, to_father)


main()
