"""The master's answer to ``chatd metrics``: numbers, in JSON. Their names are ``exposition``'s."""

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any

from chatd_supervisor import __version__
from chatd_supervisor.connections import State
from chatd_supervisor.listeners import Listener
from chatd_supervisor.measures import MEASURES
from chatd_supervisor.switchboard import Switchboard
from chatd_workers.dialects import DIALECTS


def measure(board: Switchboard, listeners: Iterable[Listener]) -> dict[str, Any]:
    """Return all figures as they are now. Takes some microseconds for each client."""
    clients = Counter(dict.fromkeys(DIALECTS, 0))
    absent = queued = longest = 0
    workers = []
    for connection in board.connections.values():
        clients[connection.dialect] += 1
        absent += connection.state is State.ABSENT
        queue = connection.output.queued
        queued += queue
        longest = max(longest, queue)
        if connection.worker is not None:
            workers.append(connection.worker.pid)
    births = board.births
    return {
        "pid": os.getpid(),
        "version": __version__,
        "workers": workers,
        "clients": clients,
        "absent": absent,
        "rooms": len(board.hub.rooms),
        "certificates": {
            one.address: one.certificate.validity.ends
            for one in listeners
            if one.certificate is not None and one.certificate.validity is not None
        },
        "sessions": MEASURES.opened,
        "refused": MEASURES.refused,
        "births": births.births,
        "deaths": MEASURES.deaths,
        "restarts": births.restarts,
        "adopted": births.adopted,
        "violations": MEASURES.violations,
        "lines": board.lines,
        "deliveries": board.egress.deliveries,
        "queued": queued,
        "longest_queue": longest,
        "unwritable": bool(board.commits.since_stuck),
        "tick": MEASURES.ticks.shown(),
        "commit": MEASURES.commits.shown(),
        "lag": MEASURES.lags.shown(),
        "adoption": MEASURES.adoptions.shown(),
    }
