"""How IRC says that something was refused or done: problems and notices as numerics and FAIL.

The parameters are patterns: ``{value}`` and ``{about}`` are those of the event, ``{room}`` is
``about``, or ``value`` if that is all there is, ``{letter}`` the first character of ``value`` and
``{parameter}`` what follows it. What is not in a table is a NOTICE of the server with the sentence
of ``problems``. A FAIL, or a reply, ends with that sentence too, a numeric with its own text.
"""

from typing import Final, NamedTuple


class AsNumeric(NamedTuple):
    """By the numeric of this name, with these parameters."""

    name: str
    params: tuple[str, ...] = ()


class AsFail(NamedTuple):
    """By FAIL (IRCv3 standard-replies) with this command, code and context."""

    command: str
    code: str
    context: tuple[str, ...] = ()


class AsReply(NamedTuple):
    """By a message of the server with this verb and these parameters."""

    verb: str
    params: tuple[str, ...]


VALUE: Final = ("{value}",)
ROOM: Final = ("{room}",)
ABOUT: Final = ("{about}",)
BOTH: Final = ("{value}", "{about}")

REFUSALS: Final[dict[str, AsNumeric | AsFail]] = {
    "line-too-long": AsNumeric("ERR_INPUTTOOLONG"),
    "input-too-long": AsNumeric("ERR_INPUTTOOLONG"),
    "once-invalid": AsFail("{value}", "INVALID_ONCE"),
    "once-many": AsFail("{value}", "INVALID_ONCE"),
    "invalid-utf8": AsFail("{value}", "INVALID_UTF8"),
    "unknown-command": AsNumeric("ERR_UNKNOWNCOMMAND", VALUE),
    "need-more-parameters": AsNumeric("ERR_NEEDMOREPARAMS", VALUE),
    "line-has-nul": AsFail("{value}", "INVALID_PARAMS"),
    "unknown-subcommand": AsNumeric(
        "ERR_UNKNOWNERROR", ("{about}", "{value}", "There is no such subcommand")
    ),
    "invalid-cap": AsNumeric("ERR_INVALIDCAPCMD", VALUE),
    "not-registered": AsNumeric("ERR_NOTREGISTERED"),
    "already-registered": AsNumeric("ERR_ALREADYREGISTERED"),
    "user-invalid": AsNumeric("ERR_INVALIDUSERNAME"),
    "realname-invalid": AsFail("SETNAME", "INVALID_REALNAME"),
    "try-again": AsNumeric("RPL_TRYAGAIN", VALUE),
    # Nicks
    "no-nick": AsNumeric("ERR_NONICKNAMEGIVEN"),
    "missing-nick": AsNumeric("ERR_NONICKNAMEGIVEN"),
    "nick-invalid": AsNumeric("ERR_ERRONEUSNICKNAME", VALUE),
    "nick-too-long": AsNumeric("ERR_ERRONEUSNICKNAME", ("{about}",)),
    "nick-in-use": AsNumeric("ERR_NICKNAMEINUSE", VALUE),
    "nick-reserved": AsNumeric(
        "ERR_NICKNAMEINUSE", ("{value}", "Nickname belongs to an account: log in to it first")
    ),
    "nick-mixed": AsNumeric(
        "ERR_ERRONEUSNICKNAME", ("{value}", "Nickname has letters of several scripts in one word")
    ),
    "nick-alike": AsNumeric(
        "ERR_NICKNAMEINUSE", ("{value}", "Nickname looks like the name of an account")
    ),
    "nick-banned": AsNumeric(
        "ERR_ERRONEUSNICKNAME", ("{value}", "Nickname is banned from this server")
    ),
    "nick-unknown": AsNumeric("ERR_NOSUCHNICK", VALUE),
    "nick-was-unknown": AsNumeric("ERR_WASNOSUCHNICK", VALUE),
    # Rooms
    "channel-invalid": AsNumeric("ERR_BADCHANMASK", VALUE),
    "room-invalid": AsNumeric("ERR_NOSUCHCHANNEL", VALUE),
    "room-mixed": AsNumeric(
        "ERR_NOSUCHCHANNEL", ("{value}", "Channel name has letters of several scripts in one word")
    ),
    "room-alike": AsNumeric(
        "ERR_NOSUCHCHANNEL", ("{value}", "Channel name looks like that of another channel")
    ),
    "room-too-long": AsNumeric("ERR_NOSUCHCHANNEL", ("{about}",)),
    "room-unknown": AsNumeric("ERR_NOSUCHCHANNEL", VALUE),
    "rooms-full": AsNumeric(
        "ERR_UNAVAILRESOURCE", ("{about}", "The server has as many rooms as it may have")
    ),
    "network-rooms-full": AsNumeric(
        "ERR_UNAVAILRESOURCE", ("{about}", "As many rooms were made from your network as may be")
    ),
    "too-many-rooms": AsNumeric("ERR_TOOMANYCHANNELS", ROOM),
    "room-full": AsNumeric("ERR_CHANNELISFULL", ROOM),
    "room-invite-only": AsNumeric("ERR_INVITEONLYCHAN", ROOM),
    "room-needs-account": AsNumeric("ERR_NEEDREGGEDNICK", ROOM),
    "bad-key": AsNumeric("ERR_BADCHANNELKEY", ROOM),
    "banned": AsNumeric("ERR_BANNEDFROMCHAN", ROOM),
    "not-in-room": AsNumeric("ERR_NOTONCHANNEL", ROOM),
    "not-on-room": AsNumeric("ERR_USERNOTINCHANNEL", BOTH),
    "already-on-room": AsNumeric("ERR_USERONCHANNEL", BOTH),
    "not-operator": AsNumeric("ERR_CHANOPRIVSNEEDED", ROOM),
    # Talking
    "no-recipient": AsNumeric("ERR_NORECIPIENT", ("No recipient given ({value})",)),
    "no-text": AsNumeric("ERR_NOTEXTTOSEND"),
    "missing-text": AsNumeric("ERR_NOTEXTTOSEND"),
    "too-many-targets": AsNumeric("ERR_TOOMANYTARGETS", VALUE),
    "too-many-matches": AsNumeric("ERR_TOOMANYMATCHES", VALUE),
    "cannot-send": AsNumeric("ERR_CANNOTSENDTOCHAN", ROOM),
    "only-accepted": AsNumeric("ERR_TARGUMODEG", VALUE),
    "only-logged-in": AsNumeric("ERR_NEEDREGGEDNICK", VALUE),
    # Modes
    "unknown-mode": AsNumeric("ERR_UNKNOWNMODE", VALUE),
    "unknown-user-mode": AsNumeric("ERR_UMODEUNKNOWNFLAG"),
    "users-dont-match": AsNumeric("ERR_USERSDONTMATCH"),
    "invalid-mode-parameter": AsNumeric(
        "ERR_INVALIDMODEPARAM", ("{about}", "{letter}", "{parameter}")
    ),
    "list-full": AsNumeric("ERR_BANLISTFULL", ("{about}", "{value}")),
    # The server
    "no-origin": AsNumeric("ERR_NOORIGIN"),
    "server-unknown": AsNumeric("ERR_NOSUCHSERVER", VALUE),
    "no-privileges": AsNumeric("ERR_NOPRIVILEGES"),
    "no-privilege": AsNumeric("ERR_NOPRIVS", VALUE),
    "not-oper-host": AsNumeric("ERR_NOOPERHOST"),
    "cannot-kill-server": AsNumeric("ERR_CANTKILLSERVER"),
    "help-not-found": AsNumeric("ERR_HELPNOTFOUND", VALUE),
    "no-motd": AsNumeric("ERR_NOMOTD"),
    "no-admin": AsNumeric("ERR_NOADMININFO", VALUE),
    "users-disabled": AsNumeric("ERR_USERSDISABLED"),
    "monitor-full": AsNumeric("ERR_MONLISTFULL", ("{about}", "{value}")),
    "accept-full": AsNumeric("ERR_ACCEPTFULL"),
    "accept-exists": AsNumeric("ERR_ACCEPTEXIST", VALUE),
    "accept-unknown": AsNumeric("ERR_ACCEPTNOT", VALUE),
    # Accounts
    "password-wrong": AsNumeric("ERR_PASSWDMISMATCH"),
    "account-paused": AsNumeric(
        "ERR_PASSWDMISMATCH", ("Too many failed logins to this account: try again in {value}",)
    ),
    "network-paused": AsNumeric(
        "ERR_PASSWDMISMATCH", ("Too many failed logins from your network: try again in {value}",)
    ),
    "sasl-failed": AsNumeric("ERR_SASLFAIL"),
    "sasl-too-long": AsNumeric("ERR_SASLTOOLONG"),
    "sasl-aborted": AsNumeric("ERR_SASLABORTED"),
    "sasl-already": AsNumeric("ERR_SASLALREADY"),
    "sasl-locked": AsNumeric("ERR_NICKLOCKED"),
    "accounts-unavailable": AsFail("REGISTER", "TEMPORARILY_UNAVAILABLE", ABOUT),
    "accounts-closed": AsFail("REGISTER", "TEMPORARILY_UNAVAILABLE", ("*",)),
    "register-paused": AsFail("REGISTER", "TEMPORARILY_UNAVAILABLE", ("*",)),
    "accounts-many": AsFail("REGISTER", "TEMPORARILY_UNAVAILABLE", ("*",)),
    "account-needs-nick": AsFail("REGISTER", "NEED_NICK", ("*",)),
    "account-exists": AsFail("REGISTER", "ACCOUNT_EXISTS", VALUE),
    "account-nick": AsFail("REGISTER", "ACCOUNT_EXISTS", VALUE),
    "account-not-nick": AsFail("REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", VALUE),
    "account-mixed": AsFail("REGISTER", "BAD_ACCOUNT_NAME", VALUE),
    "account-alike": AsFail("REGISTER", "BAD_ACCOUNT_NAME", VALUE),
    "account-invalid": AsFail("REGISTER", "BAD_ACCOUNT_NAME", VALUE),
    "account-present": AsFail("REGISTER", "ALREADY_AUTHENTICATED", VALUE),
    "password-weak": AsFail("REGISTER", "WEAK_PASSWORD", ABOUT),
    "password-invalid": AsFail("REGISTER", "UNACCEPTABLE_PASSWORD", ABOUT),
    "email-invalid": AsFail("REGISTER", "INVALID_EMAIL", ABOUT),
    "email-needed": AsFail("REGISTER", "INVALID_EMAIL", ABOUT),
    "connection-first": AsFail("{value}", "COMPLETE_CONNECTION_REQUIRED", ("*",)),
    "code-invalid": AsFail("VERIFY", "INVALID_CODE", VALUE),
    # The past
    "chathistory-unknown": AsFail("CHATHISTORY", "UNKNOWN_COMMAND", VALUE),
    "chathistory-incomplete": AsFail("CHATHISTORY", "NEED_MORE_PARAMS", VALUE),
    "chathistory-invalid": AsFail("CHATHISTORY", "INVALID_PARAMS", ("{about}", "{value}")),
    "chathistory-target": AsFail("CHATHISTORY", "INVALID_TARGET", ("{about}", "{value}")),
    "chathistory-failed": AsFail("CHATHISTORY", "MESSAGE_ERROR", ("{about}", "{value}")),
    "chathistory-too-much": AsFail("CHATHISTORY", "MESSAGE_ERROR", ("{about}", "{value}")),
    "markread-incomplete": AsFail("MARKREAD", "NEED_MORE_PARAMS"),
    "markread-invalid": AsFail("MARKREAD", "INVALID_PARAMS", VALUE),
    "markread-failed": AsFail("MARKREAD", "INTERNAL_ERROR", VALUE),
    # Of any command. Not in words: a client that has labeled a line would take it as said.
    "not-looked-up": AsFail("*", "TEMPORARILY_UNAVAILABLE"),
}
"""By key of ``problems.PROBLEMS``."""

SENTENCES: Final = frozenset(
    {
        "account-needed",
        "account-suspended",
        "account-unknown",
        "already-there",
        "history-too-much",
        "history-unavailable",
        "in-lobby",
        "kept-rooms-full",
        "line-crashed",
        "line-failed",
        "missing-modes",
        "missing-password",
        "missing-room",
        "not-a-count",
        "not-founder",
        "not-named",
        "not-written",
        "password-unchecked",
        "room-kept-already",
        "room-not-kept",
        "search-empty",
        "search-unfinished",
        "stays-in-lobby",
        "text-unsafe",
        "topic-too-long",
    }
)
"""Problems for which IRC has no words of its own: a NOTICE."""

CONFIRMATIONS: Final[dict[str, AsNumeric | AsReply]] = {
    "account-made": AsReply("REGISTER", ("SUCCESS", "{value}")),
    "logged-in": AsNumeric(
        "RPL_LOGGEDIN", ("{about}", "{value}", "You are now logged in as {value}")
    ),
    "logged-out": AsNumeric("RPL_LOGGEDOUT", ("{about}",)),
    "operator": AsNumeric("RPL_YOUREOPER"),
    "invited": AsNumeric("RPL_INVITING", BOTH),
    "away": AsNumeric("RPL_NOWAWAY"),
    "back": AsNumeric("RPL_UNAWAY"),
}
"""By key of ``problems.NOTICES``; the others are a NOTICE each. What whoever logs in or out is told
is about ``nick!user@host``."""
