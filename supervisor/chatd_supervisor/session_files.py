"""The files by which the next master goes on: opened together, and removed when none will.

They are in the state directory: the ledger, the outbox, the mark and the stack of a crash, and a
little room on the disk for all that (``ledger``, ``outbox``, ``crash_mark``, ``watchdog``,
``reserve``).
"""

from chatd_supervisor import reserve
from chatd_supervisor.crash_mark import CrashMark
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.logbook import note
from chatd_supervisor.outbox import Recovered, recover
from chatd_supervisor.paths import Paths, link_state
from chatd_supervisor.watchdog import Watchdog, WatchedSelector


class SessionFiles:
    """The open files of this master."""

    def __init__(self, paths: Paths, selector: WatchedSelector, tick: int) -> None:
        """Open what the last master has left at ``paths``, or begin anew.

        ``tick`` is the last one that was committed; ``selector`` is the loop's. Raises LedgerError,
        OutboxError, OSError.
        """
        self._paths = paths
        link_state(paths)
        reserve.use(paths.reserve_file)
        self.watchdog = Watchdog(paths.crash_stack_file, selector)
        stack = self.watchdog.stack
        if stack:
            note("master crashed", stack=stack)
        self.mark = CrashMark(paths.crash_mark_file, crashed=bool(stack))
        self.ledger = Ledger(paths.ledger_file)
        self.rows = self.ledger.rows()
        """What the ledger said at first."""
        recovered = recover(paths.sessions_dir, tick, self.rows)
        self.outbox = recovered.outbox
        # All of it is in memory: whoever goes on from it lets it go soon.
        self._recovered: list[Recovered] = [recovered]
        reserve.set_aside(paths.reserve_file)

    def take_recovered(self) -> Recovered:
        """Return what the last master had still to send, once."""
        return self._recovered.pop()

    def discard(self) -> None:
        """Remove them: there is nobody left to be taken up."""
        self.ledger.discard()
        self.mark.discard()
        self.watchdog.discard()
        self.outbox.discard()
        self._paths.state_link.unlink(missing_ok=True)
