"""Who may be killed of a supervised server: any process at any time, but not both who have all.

The two who share the descriptor table are a master and a supervisor, or a guard in its place; while
there is no master, a guard and one of its own. One that is killed is followed by another within
milliseconds of the processor. Both in the same instant are killed in other tests.
"""

from chatd_supervisor.proc import parent_of
from harness import Server
from storm.processes import family, is_worker, kill, title

MASTER = "chatd: master"
SUPERVISOR = "chatd: supervisor"


class Pair:
    """The processes of a supervised server that are no workers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._killed = 0
        # A supervisor is about to have the next master: until then it is alone.
        self._awaiting = False
        self.master = 0
        """The pid of the master; 0: none. As it was seen last, like the next."""
        self.others: list[int] = []
        """The pids of all others: a supervisor or a guard, and programs that are to follow."""

    def look(self) -> bool:
        """See who is there; return whether one of them may be killed."""
        everybody = family(set(self._server.groups))
        # Whoever was forked just now is called as its parent until it has a name of its own.
        named = {pid for pid, shown in everybody.items() if shown.startswith(MASTER)}
        masters = sorted(pid for pid in named if parent_of(pid) not in named)
        holder = self._server.master
        self.master = holder if holder in masters else next(iter(masters), 0)
        supervisors = {pid for pid, shown in everybody.items() if shown.startswith(SUPERVISOR)}
        self.others = [
            pid
            for pid, shown in everybody.items()
            if pid != self.master and not is_worker(shown) and pid not in named.difference(masters)
        ]
        if self._killed in everybody:
            return False
        if self.master:
            self._awaiting = False
            guarded = any(parent_of(one) == self.master for one in supervisors)
            return guarded or parent_of(self.master) in supervisors
        return not self._awaiting and any(parent_of(one) in supervisors for one in supervisors)

    def kill(self, pid: int) -> bool:
        """Kill ``pid``; return whether it was there."""
        server = self._server
        server.replaced = server.replaced or pid == server.pid
        self._killed = pid
        if pid == self.master:
            self._awaiting = title(parent_of(pid)).startswith(SUPERVISOR)
        return kill(pid)
