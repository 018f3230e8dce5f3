"""The floor of ``floor.c`` once more, in Python: one process, one epoll, a loop of ``send``.

Prints its port, ends with its standard input.
"""

import select
import socket
import sys


def main() -> None:
    """Greet everybody; pass what comes from one on to all."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    poller.register(sys.stdin, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    everybody: list[socket.socket] = []
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == sys.stdin.fileno():
                return
            if descriptor == listener.fileno():
                client, _ = listener.accept()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                everybody = list(clients.values())
                poller.register(client, select.EPOLLIN)
                client.send(b"hello\n")
                continue
            data = clients[descriptor].recv(1 << 16)
            if not data:
                poller.unregister(descriptor)
                clients.pop(descriptor).close()
                everybody = list(clients.values())
                continue
            for client in everybody:
                client.send(data)


if __name__ == "__main__":
    main()
