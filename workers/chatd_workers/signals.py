"""The signals that a master handles, and around which it and its workers must be careful."""

import signal
from typing import Final

MASTERS_SIGNALS: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCHLD,
)
"""The master blocks them around a fork, and a worker lets them in when it is ready; and around an
upgrade, until the new program has its handlers."""
