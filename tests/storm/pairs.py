"""Who may be killed of a supervised server: any process at any time, but not both who have all.

The two who share the descriptor table are a master and a supervisor, or a guard in its place; while
there is no master, a guard and one of its own. One that is killed is followed by another within
milliseconds of the processor. Both in the same instant are killed in other tests.
"""

from harness import Server
from storm.processes import family, is_worker, kill

MASTER = "chatd: master"
SUPERVISOR = "chatd: supervisor"


class Pair:
    """The processes of a supervised server that are no workers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._killed = 0
        self.master = 0
        """The pid of a master that calls itself so; 0: none. As it was seen last, like the next."""
        self.others: list[int] = []
        """The pids of all others: a supervisor or a guard, and programs that are to follow."""

    def look(self) -> bool:
        """See who is there; return whether one of them may be killed."""
        everybody = family(set(self._server.groups))
        self.master = 0
        self.others = []
        for pid, shown in everybody.items():
            if shown.startswith(MASTER):
                self.master = pid
            elif not is_worker(shown):
                self.others.append(pid)
        having = [one for one in everybody.values() if one.startswith((MASTER, SUPERVISOR))]
        return self._killed not in everybody and len(having) > 1

    def kill(self, pid: int) -> bool:
        """Kill ``pid``; return whether it was there."""
        server = self._server
        server.replaced = server.replaced or pid == server.pid
        self._killed = pid
        return kill(pid)
