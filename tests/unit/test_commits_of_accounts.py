"""A tick that decided on accounts which somebody else has changed meanwhile is done again."""

import asyncio
from pathlib import Path

import pytest

from account_samples import account
from chatd_supervisor.account_editing import editing
from chatd_supervisor.commits import Commits
from chatd_supervisor.connections import Connection
from chatd_supervisor.crash_mark import CrashMark
from chatd_supervisor.egress import Egress, Output
from chatd_supervisor.hub import Hub, Outcome, Rules
from chatd_supervisor.journal.accounts import AccountConflict, Added
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.outbox import recover
from chatd_supervisor.report_queue import ReportQueue
from chatd_supervisor.work import Answering, Arriving
from chatd_workers.commands import Entry, Say


class Registrar(Hub):
    """Makes an account of whatever is said, and notes what came of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(Rules())
        self.path = path
        self.came: list[str] = []

    def apply(self, number: int, entry: Entry) -> list[Outcome]:
        if not isinstance(entry, Say):
            return super().apply(number, entry)
        try:
            self.accounts.change(Added(account(entry.text, "hubs")))
            self.came.append("added")
        except AccountConflict as conflict:
            self.came.append(conflict.reason)
        if len(self.came) == 1:
            # The worst moment: it was looked for, and is not written yet.
            with editing(self.path) as editor:
                editor.change(Added(account("alice", "commands")))
        return []


@pytest.mark.parametrize(
    ("name", "came", "password"),
    [("alice", ["added", "exists"], "commands"), ("bob", ["added"], "hubs")],
)
def test_the_hub_sees_what_the_command_has_done(
    tmp_path: Path, name: str, came: list[str], password: str
) -> None:
    async def course() -> None:
        path = tmp_path / "journal.db"
        journal = SqliteJournal(path)
        hub = Registrar(path)
        outbox = recover(tmp_path, 0, {}).outbox
        connection = Connection(1, "192.0.2.1:7", "text", Output(1, None))  # type: ignore[arg-type]  # sends nothing
        commits = Commits(
            asyncio.get_running_loop(),
            hub,
            Egress(lambda _session: None),
            journal,
            outbox,
            tick=0,
            queue=ReportQueue(CrashMark(tmp_path / "applying", crashed=False), lambda *_: None),
            connection_of=lambda _session: connection,
            wake=lambda: None,
            changed=lambda: None,
        )
        commits.add(Arriving(connection))
        assert commits.next() is not None
        commits.add(Answering(connection, Say(name)))
        assert commits.next() is not None
        assert (hub.came, commits.tick) == (came, 2)
        assert journal.accounts.find(name) == account(name, password)
        assert not commits.stuck
        commits.close()
        outbox.discard()
        journal.close()

    asyncio.run(course())
