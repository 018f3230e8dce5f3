"""``chatd`` with a journal that keeps nothing: what the journal costs is the difference."""

from itertools import count

from chatd_supervisor.cli import main
from chatd_supervisor.journal.sqlite import SqliteJournal

ticks = count(1)
setattr(SqliteJournal, "commit", lambda _journal, _batch: next(ticks))  # noqa: B010  # nobody's method
setattr(SqliteJournal, "tend", lambda _journal: None)  # noqa: B010  # nothing to tend
main(prog_name="chatd")
