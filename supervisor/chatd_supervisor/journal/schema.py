"""The tables of the journal, their version, and how an older file becomes a newer one.

``PRAGMA user_version`` says which version a file is of, ``PRAGMA application_id`` that it is ours.
Each migration runs in a transaction of its own with the change of the version, so a file is
always of one version, whatever kills us. A migration is never changed once it is in use.
"""

import os
import sqlite3
from collections.abc import Callable
from typing import Final

from chatd_supervisor.journal import SHOWN, full_text
from chatd_workers.names import fold

SHOWN_ONLY: Final = "(" + " OR ".join(f"kind = '{kind}'" for kind in SHOWN) + ")"
"""An SQL condition, in the very words that are that of the index entries_shown. Not ``kind IN``,
for which a table is made at each row that is written: it would cost more than the row."""

_SHOWN_AT_FIRST: Final = "(kind = 'say' OR kind = 'act' OR kind = 'topic')"

APPLICATION_ID: Final = 0x63686174
"""``chat``; in the file's header, so that file(1) and others can tell."""


_FIRST: Final = """
CREATE TABLE state (
    id TEXT NOT NULL,
    tick INTEGER NOT NULL,
    guests INTEGER NOT NULL,
    last_session INTEGER NOT NULL,
    indexed INTEGER NOT NULL
);
INSERT INTO state VALUES (lower(hex(randomblob(6))), 0, 0, 0, 0);

CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    session INTEGER NOT NULL,
    nick TEXT NOT NULL,
    room TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
);
-- The sequence number is in every index anyway; naming it here would double the cost.
CREATE INDEX entries_room ON entries (room);
CREATE INDEX entries_departures ON entries (nick COLLATE NOCASE) WHERE kind = 'depart';

-- How rooms were written, for those who look for them in another case.
CREATE TABLE room_names (name TEXT PRIMARY KEY, folded TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX room_names_folded ON room_names (folded);

CREATE TABLE rooms (
    folded TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    topic TEXT NOT NULL,
    made INTEGER NOT NULL
) WITHOUT ROWID;

-- nick IS NULL: it has left, and something is still to be sent to it.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    peer TEXT NOT NULL,
    dialect TEXT NOT NULL,
    since INTEGER NOT NULL,
    nick TEXT,
    named INTEGER,
    warned TEXT,
    room TEXT,
    joined INTEGER,
    offset INTEGER NOT NULL DEFAULT 0,
    discarding INTEGER NOT NULL DEFAULT 0,
    carry BLOB NOT NULL DEFAULT x'',
    lines INTEGER NOT NULL DEFAULT 0
);

CREATE VIRTUAL TABLE lines USING fts5 (
    room, text, content = 'entries', content_rowid = 'seq',
    tokenize = 'unicode61 remove_diacritics 2'
);
"""


def _first(database: sqlite3.Connection) -> None:
    """Create everything. The journal's own random id makes message ids unique."""
    # Not executescript, which would end the transaction.
    for statement in _FIRST.split(";\n"):
        database.execute(statement)


_SECOND: Final = f"""
-- Only what history shows: comings and goings are many, and nobody asks for those of a room.
DROP INDEX entries_room;
CREATE INDEX entries_shown ON entries (room) WHERE {_SHOWN_AT_FIRST};

-- When who was last seen to leave, by folded nick.
DROP INDEX entries_departures;
CREATE TABLE departures (folded TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;

-- The room is one word here, whatever its name is made of: the folded name in hexadecimal.
DROP TABLE lines;
CREATE VIRTUAL TABLE lines USING fts5 (
    room, text, content = '', tokenize = 'unicode61 remove_diacritics 2'
);
UPDATE state SET indexed = coalesce((SELECT min(seq) - 1 FROM entries), 0);
"""  # noqa: S608  # constants


def _second(database: sqlite3.Connection) -> None:
    """Find by folded names alone. The full-text index is filled again in the pauses."""
    for statement in _SECOND.split(";\n"):
        database.execute(statement)
    database.create_function("fold", 1, fold, deterministic=True)
    database.execute(
        "INSERT INTO departures SELECT fold(nick), max(seq) FROM entries"
        " WHERE kind = 'depart' GROUP BY fold(nick)"
    )


_THIRD: Final = f"""
-- Who said it, by all names, and the fields that a fact changes: JSON.
ALTER TABLE entries ADD COLUMN data TEXT NOT NULL DEFAULT '';
DROP INDEX entries_shown;
CREATE INDEX entries_shown ON entries (room) WHERE {SHOWN_ONLY};

-- Sessions and rooms are records in JSON (records.py): json_extract(state, '$.nick') and the like.
CREATE TABLE rooms_new (folded TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO rooms_new
    SELECT folded, json_object('name', name, 'topic', topic, 'made', made) FROM rooms;
DROP TABLE rooms;
ALTER TABLE rooms_new RENAME TO rooms;

-- state IS NULL: it has left, and something is still to be sent to it.
ALTER TABLE sessions ADD COLUMN state TEXT;
UPDATE sessions SET state = json_object(
    'nick', nick, 'named', json(iif(named, 'true', 'false')), 'warned', warned,
    'registered', json('true'), 'user', '', 'signon', since,
    'host', rtrim(rtrim(peer, '0123456789'), ':'),
    'seats', json_object(fold(room), json_object('joined', joined))
) WHERE nick IS NOT NULL;
ALTER TABLE sessions DROP COLUMN nick;
ALTER TABLE sessions DROP COLUMN named;
ALTER TABLE sessions DROP COLUMN warned;
ALTER TABLE sessions DROP COLUMN room;
ALTER TABLE sessions DROP COLUMN joined;
"""  # noqa: S608  # constants


def _third(database: sqlite3.Connection) -> None:
    """Keep sessions and rooms as records, which grow without new columns."""
    database.create_function("fold", 1, fold, deterministic=True)
    for statement in _THIRD.split(";\n"):
        database.execute(statement)


_FOURTH: Final = """
CREATE TABLE accounts (
    folded TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    hash TEXT NOT NULL,
    salt BLOB NOT NULL,
    rounds INTEGER NOT NULL,
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    email TEXT NOT NULL,
    suspended INTEGER NOT NULL
) WITHOUT ROWID;

-- account: the folded name.
CREATE TABLE certificates (fingerprint TEXT PRIMARY KEY, account TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX certificates_account ON certificates (account);

CREATE TABLE account_secrets (salting BLOB NOT NULL);
"""


def _fourth(database: sqlite3.Connection) -> None:
    """Add accounts."""
    for statement in _FOURTH.split(";\n"):
        database.execute(statement)
    database.execute("INSERT INTO account_secrets VALUES (?)", (os.urandom(32),))


_FIFTH: Final = """
-- Where entries are found beside their rooms (strands.py).
CREATE TABLE strands (strand TEXT, seq INTEGER, PRIMARY KEY (strand, seq)) WITHOUT ROWID;

-- Up to when who has read what: the latest of all facts of kind read.
CREATE TABLE marks (
    reader TEXT, target TEXT, time INTEGER NOT NULL, PRIMARY KEY (reader, target)
) WITHOUT ROWID;
"""


def _fifth(database: sqlite3.Connection) -> None:
    """Find comings and goings and private lines, from now on, and keep marks of readers."""
    for statement in _FIFTH.split(";\n"):
        database.execute(statement)


_SIXTH: Final = """
-- Ids that clients have given to lines (chatd/once), so that each is said once.
CREATE TABLE onces (id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX onces_seq ON onces (seq);
"""


def _sixth(database: sqlite3.Connection) -> None:
    """Find lines by the ids that their clients gave them, from now on."""
    for statement in _SIXTH.split(";\n"):
        database.execute(statement)


def _seventh(database: sqlite3.Connection) -> None:
    """Keep who is kept off the server (``bans``)."""
    database.execute("CREATE TABLE bans (key TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID")


_EIGHTH: Final = f"""
-- Words as ``words`` has them, of all scripts, and symbols.
DROP TABLE lines;
{full_text.CREATE.strip()};
UPDATE state SET indexed = coalesce((SELECT min(seq) - 1 FROM entries), 0);
"""  # noqa: S608  # constants


def _eighth(database: sqlite3.Connection) -> None:
    """Find words of all scripts. The full-text index is filled again in the pauses."""
    for statement in _EIGHTH.split(";\n"):
        database.execute(statement)


_NINTH: Final = """
-- Entries that are dated before the one before them: the clock was put back (places.py).
CREATE TABLE steps_back (seq INTEGER PRIMARY KEY);

-- What time it surely was (clock.py), in microseconds since the epoch; 0: nothing is known.
ALTER TABLE state ADD COLUMN passed INTEGER NOT NULL DEFAULT 0;

-- Whether something was forgotten, and its words may still stand in the files (forgetting.py).
ALTER TABLE state ADD COLUMN unscrubbed INTEGER NOT NULL DEFAULT 0;
"""


def _ninth(database: sqlite3.Connection) -> None:
    """Know how far the clock is to be believed."""
    for statement in _NINTH.split(";\n"):
        database.execute(statement)


MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (
    _first,
    _second,
    _third,
    _fourth,
    _fifth,
    _sixth,
    _seventh,
    _eighth,
    _ninth,
)
"""What leads from each version to the next, from the empty file on."""

VERSION: Final = len(MIGRATIONS)


class WrongFile(Exception):
    """The file is not one that this version can use; ``str()`` says what it is instead."""


class WrongFiles(Exception):
    """The files are no journal as they are; ``str()`` is a sentence, which says what to do."""


def inspect(database: sqlite3.Connection) -> int:
    """Return the version of the file. Raises WrongFile, or sqlite3.Error if it is damaged."""
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    ours = database.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if not ours and (version or database.execute("SELECT 1 FROM sqlite_schema").fetchone()):
        raise WrongFile("is a database of another program")
    if version > VERSION:
        raise WrongFile(
            f"was written by a newer chatd (schema {version}, this one knows {VERSION})"
        )
    return version


def migrate(
    database: sqlite3.Connection,
    migrations: tuple[Callable[[sqlite3.Connection], None], ...] = MIGRATIONS,
) -> None:
    """Bring the file to the newest version.

    Each migration is a transaction of its own, but for a new file all are one: each waits for the
    disk, and there is nothing yet to be kept of any. Raises WrongFile or sqlite3.Error; then it is
    as it was after the last migration that went well.
    """
    version = inspect(database)
    while version < len(migrations):
        database.execute("BEGIN IMMEDIATE")
        try:
            # Somebody else may be quicker: a server and a command may begin a journal together.
            version = inspect(database)
            until = min(version + 1, len(migrations)) if version else len(migrations)
            for migration in migrations[version:until]:
                migration(database)
            version = until
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {version}")
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise
