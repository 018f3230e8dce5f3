"""A stand-in for the lab's client, on its wire: ``lab_client.py IP PSEUDO [PORT]``.

Two processes. One reads the keyboard and sends ``pseudo : text`` and a NUL for each line, and
``pseudo :`` and a NUL at its end; the other reads at most 1023 bytes at a time and prints them as
one C string, so that what follows a NUL in the same read is lost to it.
"""

import os
import socket
import sys


def main() -> None:
    host, pseudo = sys.argv[1:3]
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 5015
    server = socket.create_connection((host, port))
    if os.fork() == 0:
        while data := server.recv(1023):
            os.write(1, data.partition(b"\0")[0])
        os._exit(0)
    for line in sys.stdin:
        text = line.removesuffix("\n")
        server.sendall(f"{pseudo} : {text}\0".encode())
    server.sendall(f"{pseudo} :\0".encode())
    server.shutdown(socket.SHUT_WR)
    os.wait()


main()
