"""The events of the log: how grave each is, its fields, and what it means (``logbook``).

This table is what chatd-log(7) shows, and tests hold all calls of ``logbook.note`` against it.
"""

from logging import CRITICAL, ERROR, INFO, WARNING
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """What is known of all events of one name."""

    level: int
    fields: tuple[str, ...]
    meaning: str
    limited: bool = False
    """Others can cause it, as often as they like: it is logged within a budget (``log_budget``)."""


EVENTS: Final = {
    "records left out": Kind(
        WARNING,
        ("of", "count"),
        "There were too many of one event, which somebody else can cause; so many were left out.",
    ),
    # Clients and their workers
    "session opened": Kind(
        INFO, ("session", "pid", "peer", "dialect"), "A client was let in; pid is its worker's."
    ),
    "session proxied": Kind(
        INFO, ("session", "peer"), "A proxy has said whose connection it has brought."
    ),
    "session ended": Kind(
        INFO, ("session", "pid", "nick", "reason"), "A client has left, or was let go."
    ),
    "session not resumed": Kind(
        ERROR,
        ("session", "reason"),
        "The client of a dead master cannot be served on, and was let go.",
    ),
    "output not taken": Kind(
        INFO,
        ("session", "bytes"),
        "A client did not take in time what was queued for it.",
        limited=True,
    ),
    "client refused": Kind(
        WARNING,
        ("peer", "reason", "count"),
        "Somebody was not let in; once a second at most, count is of all so far.",
        limited=True,
    ),
    "ban set": Kind(
        WARNING,
        ("list", "kind", "who", "seconds", "put_off"),
        "The administrator has banned or exempted somebody; put_off is how many were here.",
    ),
    "ban lifted": Kind(WARNING, ("list", "kind", "who"), "The administrator has taken that back."),
    "address kept out": Kind(
        WARNING,
        ("place", "seconds"),
        "Too many workers died of what came from there; for so long nobody new is let in.",
    ),
    "worker died": Kind(
        WARNING,
        ("session", "pid", "how", "next"),
        "A worker has ended that should not have; next is what follows.",
        limited=True,
    ),
    "worker not started": Kind(
        ERROR,
        ("session", "reason", "retry"),
        "The system has no room for a worker; tried again after retry seconds.",
        limited=True,
    ),
    "worker broke the rules": Kind(
        ERROR,
        ("session", "pid", "kind", "how"),
        "A worker has sent what it may not, and was ended; kind is as in chatd-metrics(7).",
        limited=True,
    ),
    "workers not watched": Kind(
        WARNING, ("reason",), "What a worker may compute is not bounded: the system cannot tell it."
    ),
    "worker traced": Kind(
        WARNING,
        ("session", "pid", "stack"),
        "On SIGUSR1 a worker has told where it is.",
        limited=True,
    ),
    "all workers are new": Kind(INFO, (), "After an upgrade, the last worker has been replaced."),
    "degraded": Kind(
        ERROR, ("deaths", "seconds"), "More than so many workers died in so many seconds."
    ),
    "no longer degraded": Kind(WARNING, (), "They have stopped dying."),
    "line quarantined": Kind(
        ERROR,
        ("session", "bytes", "file"),
        "A line that crashes its readers was set aside.",
        limited=True,
    ),
    "quarantine full": Kind(
        ERROR, ("directory", "files"), "No more lines are kept there.", limited=True
    ),
    "quarantine failed": Kind(
        ERROR,
        ("file", "reason"),
        "A line that crashes its readers could not be kept.",
        limited=True,
    ),
    "report set aside": Kind(
        ERROR,
        ("session", "deaths"),
        "What a client has said was not done, because so many masters in a row died or hung of it.",
    ),
    "master crashed": Kind(
        CRITICAL,
        ("stack",),
        "The master before this one crashed, or hung for as long as watchdog allows; there it was.",
    ),
    "trace begun": Kind(
        WARNING,
        ("session", "nick", "told", "text", "by", "uid"),
        "Somebody follows a client live with chatd trace: process by, of user uid. Text tells"
        " whether what is said is shown, told whether the client was told so.",
    ),
    "trace ended": Kind(
        WARNING,
        ("session", "by", "uid", "reason"),
        "They follow it no longer; after the death of a master this is missing.",
    ),
    # Listening
    "listening": Kind(INFO, ("address", "way"), "Clients can connect there."),
    "no longer listening": Kind(INFO, ("address",), "Clients cannot connect there any more."),
    "certificate": Kind(
        WARNING,
        ("address", "file", "what"),
        "It expires in two weeks, has expired, or is not valid yet; clients refuse it then.",
    ),
    "accepting rests": Kind(
        WARNING,
        ("address", "seconds", "reason"),
        "The system is exhausted: new connections wait so long.",
    ),
    "only this machine can connect": Kind(INFO, ("hint",), "No address is open to others."),
    # The master
    "walls": Kind(INFO, ("walls", "landlock_abi"), "What stands around each worker."),
    "walls missing": Kind(
        WARNING,
        ("walls", "missing"),
        "Workers are not, or not wholly, walled in: this kernel lacks something, or it is off.",
    ),
    "runs as root": Kind(
        WARNING, ("hint",), "The master and all workers are root's, which is never needed."
    ),
    "user not taken": Kind(
        WARNING,
        ("user", "configured"),
        "Only a server that is started as root becomes the user that is configured.",
    ),
    "runtime files restored": Kind(
        WARNING,
        ("directory", "files"),
        "Files were removed from the runtime directory, and were made again.",
    ),
    "runtime files missing": Kind(
        ERROR,
        ("directory", "reason"),
        "Files were removed from the runtime directory and cannot be made again; chatd tries on.",
    ),
    "runtime directory not watched": Kind(
        WARNING, ("reason",), "What is removed from the runtime directory will not be noticed."
    ),
    "ready": Kind(INFO, ("version", "pid", "runtime_dir"), "Clients can connect."),
    "stopping": Kind(INFO, ("on",), "A graceful stop begins."),
    "stopped": Kind(INFO, (), "It has ended."),
    "stepping aside": Kind(
        INFO, ("what",), "On SIGQUIT the master has ended, and leaves everything to the next."
    ),
    "not started": Kind(ERROR, ("reason",), "The master cannot start."),
    "ended": Kind(CRITICAL, ("reason", "stack"), "The master cannot go on."),
    "ended by a fault in chatd": Kind(
        CRITICAL, ("stack",), "The master has met what it does not expect, and ends."
    ),
    "master traced": Kind(
        WARNING, ("pid", "status", "stack"), "On SIGUSR1 the master has told where it is."
    ),
    "configuration reloaded": Kind(INFO, (), "It lives by what the file says now."),
    "configuration not used": Kind(
        ERROR,
        ("reason",),
        "The file cannot be used; this master goes on with what the one before lived by.",
    ),
    "certificate not used": Kind(
        ERROR,
        ("address", "reason"),
        "A certificate cannot be used; who connects there waits until a reload finds a good one.",
    ),
    "configuration not kept": Kind(
        ERROR, ("reason",), "What is lived by cannot be written down for the next master."
    ),
    "configuration not reloaded": Kind(ERROR, ("reason",), "Everything stays as it was."),
    "key without effect": Kind(
        WARNING, ("key", "reason"), "What the configuration says of key changes nothing."
    ),
    "few descriptors": Kind(
        WARNING,
        ("limit", "clients", "hint"),
        "So many descriptors suffice for so few clients; more are refused.",
    ),
    "restart needed": Kind(
        WARNING, ("key",), "What the file says of key counts only after a restart."
    ),
    "operator asks": Kind(
        WARNING, ("session", "what"), "A client that is an operator has the server do something."
    ),
    "log not reopened": Kind(
        ERROR, ("reason",), "The log file cannot be opened again; the old one is written on."
    ),
    "unknown socket": Kind(
        WARNING, ("name",), "Another process has handed over a socket that nothing is known of."
    ),
    "service manager not told": Kind(
        ERROR, ("what", "reason"), "The service manager cannot be told something."
    ),
    "socket not taken": Kind(
        ERROR, ("reason",), "The service manager has passed a socket that fits no address."
    ),
    "socket not stored": Kind(
        ERROR, ("name", "reason"), "The service manager cannot hold a socket; see reason."
    ),
    # Upgrades, and after a death
    "upgrade tried": Kind(INFO, ("command",), "The new program is tried beside the running one."),
    "upgrade executed": Kind(
        INFO, ("command",), "The new program takes the place of the running one."
    ),
    "upgraded": Kind(
        INFO, ("before", "version", "milliseconds"), "It has; clients had to wait so long."
    ),
    "upgrade failed": Kind(ERROR, ("reason",), "Everything goes on as it was."),
    "upgrade undone": Kind(
        ERROR, ("reason",), "The new program cannot serve, and gives way to the one before."
    ),
    "sessions found": Kind(
        WARNING,
        ("sessions", "at_hand", "workers"),
        "The master goes on with the clients of a dead one. at_hand are those whose sockets it "
        "has; the others are brought by their workers. workers are those that go on as they are.",
    ),
    "offer refused": Kind(
        WARNING,
        ("session", "pid", "reason"),
        "A worker has brought a client that is not taken.",
        limited=True,
    ),
    "offer not understood": Kind(
        ERROR,
        ("pid", "uid", "reason"),
        "A process has said something else on the adoption socket.",
        limited=True,
    ),
    "offers rest": Kind(
        WARNING,
        ("seconds", "reason"),
        "The system is exhausted: workers wait so long with what they bring.",
        limited=True,
    ),
    "supervisor died": Kind(
        ERROR,
        ("pid", "next"),
        "A guard took its place at once; both are replaced by another pair soon.",
    ),
    "supervisor does not answer": Kind(
        ERROR,
        ("pid", "expected"),
        "It was killed; somebody may have stopped it. expected is how many workers it owed.",
    ),
    "supervisor not renewed": Kind(
        ERROR, ("reason", "retry"), "No other pair could be started; tried again in retry seconds."
    ),
    "supervisor not understood": Kind(ERROR, ("reason",), "It has said what it cannot mean."),
    "successor failed": Kind(
        ERROR, ("reason",), "No supervisor could be started after both have died; tried again."
    ),
    "master died": Kind(
        ERROR, ("pid", "how", "next"), "The supervisor has seen a master end that should not have."
    ),
    "bad request from master": Kind(
        ERROR, ("pid", "reason"), "The master has said to the supervisor what it cannot mean."
    ),
    # The clock
    "clock jumped": Kind(
        WARNING,
        ("seconds",),
        "Somebody has set the clock, ahead or back by so much; nothing is forgotten because of it.",
    ),
    "clock behind journal": Kind(
        WARNING,
        ("seconds",),
        "The last entry is dated so long after what the clock says: one of them is wrong.",
    ),
    # The journal
    "journal begun": Kind(INFO, ("file",), "There was none."),
    "journal log removed": Kind(
        ERROR,
        ("file",),
        "The write-ahead log was removed or replaced while it was in use; nothing is lost, and"
        " there is another.",
    ),
    "journal cannot be written": Kind(
        ERROR, ("reason", "retry"), "Nothing can be said; tried again every retry seconds."
    ),
    "outbox cannot be written": Kind(
        ERROR,
        ("reason", "retry"),
        "The same, but for the runtime directory, where what is to be sent is kept.",
    ),
    "journal cannot be read": Kind(
        ERROR,
        ("reason",),
        "Somebody has asked for what was said, and could not be answered.",
        limited=True,
    ),
    "journal written again": Kind(WARNING, (), "It can be again."),
    "journal not tended": Kind(
        ERROR,
        ("reason", "retry"),
        "Indexing and forgetting must wait; tried again every retry seconds.",
    ),
    "journal tended again": Kind(WARNING, (), "They can go on."),
    "journal log large": Kind(
        WARNING,
        ("file", "megabytes", "hint"),
        "A reader keeps the write-ahead log from being emptied.",
    ),
    "accounts changed beside": Kind(
        INFO,
        ("conflict",),
        "Somebody has changed an account in the middle of a tick, which is done again.",
    ),
    "outbox not shortened": Kind(ERROR, ("reason",), "What was sent long ago is kept for now."),
    "outbox not written": Kind(ERROR, ("reason",), "A farewell could not be sent."),
    "report dropped": Kind(
        CRITICAL,
        ("session", "stack"),
        "A fault in chatd: what a client has said is dropped, and it is told so. With the third in"
        " an hour it is let go, for each costs all others some time.",
        limited=True,
    ),
    # Passwords
    "password refused": Kind(
        WARNING, ("waiting", "peer"), "Too many passwords are to be checked.", limited=True
    ),
    "password not checked": Kind(CRITICAL, ("stack",), "A fault in chatd.", limited=True),
    "password process not started": Kind(ERROR, ("reason",), "The system has no room for one."),
    "password process failed": Kind(
        ERROR, ("pid", "reason"), "It has died, or said nonsense.", limited=True
    ),
    "password late": Kind(
        WARNING, ("seconds",), "A password was not checked in that time.", limited=True
    ),
}
