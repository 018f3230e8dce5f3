"""Who has connected, as the kernel says; uids and gids are unsigned."""

import os
import socket
import struct
from typing import Any

from chatd_supervisor.peer_credentials import peer_credentials
from chatd_supervisor.relaying import local_user


class Stranger:
    """A socket whose other end is a process of a user with a large number."""

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
        told = struct.pack("=iII", 4711, 2**32 - 2, 2**31)
        assert size == len(told)
        return told


STRANGER: Any = Stranger()


def test_the_other_end_of_ones_own_pair_is_oneself() -> None:
    ours, other = socket.socketpair()
    with ours, other:
        assert peer_credentials(ours) == (os.getpid(), os.geteuid(), os.getegid())


def test_a_large_uid_is_not_negative() -> None:
    assert peer_credentials(STRANGER) == (4711, 2**32 - 2, 2**31)


def test_a_user_with_a_large_uid_is_called_by_it() -> None:
    assert local_user(STRANGER).peer == "unix:4294967294:4711"
