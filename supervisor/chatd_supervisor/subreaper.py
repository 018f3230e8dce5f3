"""Being the parent of orphans: a process whose parent dies becomes a child of this one.

Workers outlive their master, and not every PID 1 reaps (PR_SET_CHILD_SUBREAPER, prctl(2)). It holds
beyond execve(2), and is not inherited by children.
"""

from typing import Final

PR_SET_CHILD_SUBREAPER: Final = 36


def become_subreaper() -> None:
    """Let orphaned descendants become children of this process."""
    import ctypes  # noqa: PLC0415  # only here, and gone with the next program

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
