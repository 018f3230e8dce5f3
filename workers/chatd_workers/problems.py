"""Why something was refused, and that something was done, as sentences for people.

One table each, so that every dialect says the same and the man pages can be checked against it.
``{value}`` is what was refused or the limit that was met, ``{about}`` the room or nick concerned,
``{room}`` the room if nothing else is: ``about``, or ``value`` where that is empty.
The IRC dialect has numerics for most of them (``dialects.irc.refusals``), and shows the sentence
for the others.
"""

from typing import Final

COMMON: Final[dict[str, str]] = {
    "line-too-long": "line dropped: it is longer than {value} bytes",
    "line-crashed": "line dropped: it crashed the process that reads it: {value}",
    "line-failed": "line dropped: the server failed at it, and has written down why",
    "text-unsafe": "line dropped: it holds characters that may not be passed on",
    "unknown-command": "no such command: {value} (/help lists them, // says a line with /)",
    "missing-nick": "which nick? usage: {value}",
    "missing-room": "which room? usage: {value}",
    "missing-text": "say what? usage: {value}",
    "missing-password": "which password? usage: {value}",
    "missing-modes": "which modes? usage: {value}",
    "not-a-count": "how many? usage: {value}",
    "nick-invalid": "nick {value} is not possible: letters of one script, digits,"
    " _-[]{{}}|^`\\, no '-' first",
    "nick-too-long": "nick too long: at most {value} characters",
    "nick-in-use": "nick {value} is in use",
    "nick-alike": "nick {value} looks like that of an account",
    "nick-reserved": "nick {value} belongs to an account: identify yourself first",
    "nick-banned": "nick {value} is banned from this server: take another one",
    "nick-unknown": "nobody here is called {value}",
    "not-named": "you are {value}, which was somebody else before: /nick NAME first",
    "room-invalid": "room {value} is not possible: use letters of one script, digits and"
    " _-[]{{}}|^`\\",
    "room-alike": "room {value} would look like one that is there already",
    "room-too-long": "room name too long: at most {value} characters",
    "room-unknown": "there is no room {value} (/rooms lists them)",
    "rooms-full": "no new room: the server has as many rooms as it may have, {value}",
    "network-rooms-full": "no new room: as many were made from your network as may be, {value}",
    "kept-rooms-full": "not kept: account {value} has as many rooms kept as it may have",
    "too-many-rooms": "not into {room}: you are in as many rooms as you may be",
    "room-full": "room {room} is full",
    "room-invite-only": "room {room} is only for those who are invited",
    "room-needs-account": "room {room} is only for those who are logged in to an account",
    "bad-key": "room {room} has a key, which one has to know",
    "banned": "you are banned from {room}",
    "already-there": "you are in {value} already",
    "in-lobby": "you are in {value}, where everybody starts; /quit leaves the server",
    "not-in-room": "you are not in {room}",
    "not-on-room": "{value} is not in {about}",
    "already-on-room": "{value} is in {about} already",
    "stays-in-lobby": "{value} is in {about}, where everybody starts, and cannot be put out of it",
    "not-operator": "only operators of {room} can do that",
    "cannot-send": "not said: you may not speak in {room}",
    "only-accepted": "not said: {value} takes private lines only from few",
    "only-logged-in": "not said: {value} takes private lines only from who is logged in",
    "topic-too-long": "topic too long: at most {value} characters",
    "unknown-mode": "there is no mode {value}",
    "invalid-mode-parameter": "mode {value} of {about} is not possible",
    "list-full": "list {value} of {about} is full",
    "history-too-much": "this would take the server too long: ask for less",
    "search-empty": "nothing can be found by {value}: it has no letter, digit or symbol",
    "search-unfinished": "not everything was looked through, for that takes too long: search for"
    " rarer words",
    "history-unavailable": "the journal cannot be read at the moment; the server's log says why",
    "not-written": "not said yet: the server cannot write it down; it is tried again every second",
    "no-privileges": "only operators of the server can do that",
    "no-privilege": "operators like you may not do that: {value}",
    "try-again": "too much at once, {value} not done: try again in a while",
    "accounts-unavailable": "accounts cannot be made or used at the moment",
    "accounts-closed": "accounts are made by the operators of this server",
    "account-exists": "account {value} is there already",
    "account-alike": "account {value} would look like one that is there already",
    "account-invalid": "account {value} is not possible: made like a nick, not like a guest",
    "account-unknown": "there is no account {value}",
    "account-needed": "you are not logged in to an account",
    "account-present": "you are logged in to {value} already",
    "email-needed": "an address must be given",
    "password-wrong": "wrong password",
    "password-weak": "this cannot be a password: {value}",
    "password-invalid": "this cannot be a password: {value}",
    "password-unchecked": "not logged in: {value}",
    "account-suspended": "account {value} is suspended",
    "account-paused": "too many failed logins to this account: try again in {value}",
    "network-paused": "too many failed logins from your network: try again in {value}",
    "register-paused": "too many failed attempts from your network: try again in {value}",
    "accounts-many": "your network has made its accounts for a day: try again in {value}",
    "room-kept-already": "room {about} is kept already, for {value}",
    "room-not-kept": "room {room} is not kept",
    "not-founder": "only whoever had {room} kept can do that",
}
"""What any client can meet; chatd-protocol(7) lists them."""

IRC_PROBLEMS: Final[dict[str, str]] = {
    "once-invalid": "the id in chatd/once must be 22 to 64 letters, digits or any of + / = . _ -",
    "once-many": "a line with an id in chatd/once goes to one target",
    "input-too-long": "line dropped: its tags or the rest of it are too long",
    "invalid-utf8": "{value} dropped: it is not valid UTF-8",
    "line-has-nul": "{value} dropped: it holds a NUL",
    "need-more-parameters": "{value} needs more parameters",
    "unknown-subcommand": "there is no such subcommand: {value}",
    "invalid-cap": "CAP has no subcommand {value}",
    "not-registered": "you have not introduced yourself yet",
    "already-registered": "you have introduced yourself already",
    "connection-first": "{value} only after you have introduced yourself",
    "user-invalid": "this cannot be a user name",
    "realname-invalid": "this cannot be a real name: at most {value} characters",
    "no-nick": "no nick given",
    "no-origin": "no token given",
    "no-recipient": "{value} needs somebody to send it to",
    "no-text": "no text to send",
    "too-many-targets": "too many at once: {value}",
    "channel-invalid": "{value} cannot be a channel",
    "server-unknown": "there is no server {value}",
    "nick-was-unknown": "nobody was called {value}",
    "unknown-user-mode": "there is no user mode {value}",
    "users-dont-match": "you cannot see or change the modes of others",
    "not-oper-host": "nobody can be an operator from where you are",
    "cannot-kill-server": "{value} is a server",
    "monitor-full": "you cannot monitor more than {about}: {value} are left out",
    "accept-full": "you cannot accept more than {value}",
    "accept-exists": "{value} is accepted already",
    "accept-unknown": "{value} is not among those you accept",
    "help-not-found": "there is no help on {value}",
    "no-motd": "there is no message of the day",
    "no-admin": "nothing is known of who runs {value}",
    "users-disabled": "who is on this machine is not told",
    "sasl-failed": "authentication failed",
    "sasl-too-long": "a piece of AUTHENTICATE is longer than {value} characters",
    "sasl-aborted": "authentication aborted",
    "sasl-already": "you have authenticated already",
    "sasl-locked": "account {value} is locked",
    "account-nick": "account {value} would be called like somebody else who is here",
    "account-not-nick": "an account is made with the name of one's nick, not {value}",
    "account-needs-nick": "an account is called as one is, so say a NICK first",
    "email-invalid": "{value} cannot be an address",
    "code-invalid": "this is not the code of {value}",
    "chathistory-unknown": "CHATHISTORY has no subcommand {value}",
    "chathistory-incomplete": "CHATHISTORY {value} needs more parameters",
    "chathistory-invalid": "CHATHISTORY cannot take {value}",
    "chathistory-target": "there is no history of {value} for you",
    "chathistory-too-much": "this much of the history of {value} takes too long: ask for less",
    "chathistory-failed": "the history of {value} cannot be read at the moment",
    "markread-incomplete": "MARKREAD needs more parameters",
    "markread-invalid": "MARKREAD cannot take {value}",
    "markread-failed": "up to when {value} is read cannot be kept or told at the moment",
}
"""What only a client of IRC can meet; chatd-irc(7) has what is sent for them."""

PROBLEMS: Final[dict[str, str]] = COMMON | IRC_PROBLEMS

NOTICES: Final[dict[str, str]] = {
    "logged-in": "you are logged in to {value} now",
    "logged-out": "you are logged out of {value}",
    "account-made": "account {value} is made",
    "failed-logins": "{value} since you last logged in",
    "nick-lost": "nick {value} belongs to an account that you are not logged in to",
    "nick-taken": "nick {value} was taken by its owner from another connection",
    "password-changed": "account {value} has a new password",
    "room-kept": "room {room} lasts now, and is yours",
    "room-released": "room {room} is kept no more",
    "access-given": "{value} is given its status whenever it comes into {about}",
    "access-taken": "{value} has no lasting status in {about} any more",
    "invited": "{value} is invited into {about}",
    "operator": "you are an operator of this server now",
    "away": "you are away now: {value}",
    "back": "you are not away any more",
    "reloaded": "the configuration is read again",
    "traced": "an administrator follows what your connection does from now on, not what is said",
    "traced-text": "an administrator reads along from now on: what you say and what you are told",
    "traced-no-more": "no administrator follows your connection any more",
}
"""What was done as asked, for those whom nothing else tells it."""


def explain(problem: str, value: str, about: str = "") -> str:
    """Return the sentence for ``problem``; raises KeyError for one that is not in the table."""
    return PROBLEMS[problem].format(value=value, about=about, room=about or value)


def confirm(notice: str, value: str, about: str = "") -> str:
    """Return the sentence for ``notice``; raises KeyError for one that is not in the table."""
    return NOTICES[notice].format(value=value, about=about, room=about or value)
