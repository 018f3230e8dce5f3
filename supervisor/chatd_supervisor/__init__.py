"""chatd's master, and the command line that looks after it."""

from chatd_workers import __version__

__all__ = ["__version__"]
