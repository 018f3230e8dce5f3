"""Writing all that is to be written; the kernel may take less of it at a time (pwrite(2))."""

import os


def write_all(fd: int, data: bytes | bytearray | memoryview, position: int) -> None:
    """Write all of ``data`` at ``position``. Raises OSError, and then some may be written."""
    left = memoryview(data)
    while left:
        count = os.pwrite(fd, left, position)
        left = left[count:]
        position += count
