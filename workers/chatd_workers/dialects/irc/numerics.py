"""The numeric replies of IRC, as data: code, parameters and usual text of each.

The recipient, which is the first parameter of all of them, is left out. A name of a parameter that
begins with ``:`` is text for people, which always has a colon before it, one that ends in ``...``
stands for any number. ``text`` is the last parameter if it is not given another one.

Names and parameters are those of Modern IRC (modern.ircdocs.horse) where it has the numeric, and
otherwise of the specification named. Where Modern and RFC 2812 differ, Modern is followed.
"""

from typing import Final, NamedTuple


class Numeric(NamedTuple):
    """A numeric reply."""

    code: str
    text: str
    parameters: tuple[str, ...]
    section: str
    """The specification that says so, and its section; of Modern, the one of that name."""
    separator: str = ""
    """What separates the items of its last parameter, a list that may go on in another line."""


_M: Final = "Modern"
_REPLIES: Final = "RFC 2812 5.1"
_ERRORS: Final = "RFC 2812 5.2"
_MONITOR: Final = "IRCv3 monitor"
_SASL: Final = "IRCv3 sasl-3.1"
_CALLERID: Final = "ircd-hybrid CALLERID"

NUMERICS: Final[dict[str, Numeric]] = {
    # The greeting
    "RPL_WELCOME": Numeric("001", "", (":greeting",), _M),
    "RPL_YOURHOST": Numeric("002", "", (":host",), _M),
    "RPL_CREATED": Numeric("003", "", (":created",), _M),
    "RPL_MYINFO": Numeric("004", "", ("server", "version", "user modes", "modes..."), _M),
    "RPL_ISUPPORT": Numeric("005", "are supported by this server", ("tokens...",), _M),
    # The server
    "RPL_ENDOFSTATS": Numeric("219", "End of /STATS report", ("letter",), _M),
    "RPL_UMODEIS": Numeric("221", "", ("modes",), _M),
    "RPL_STATSUPTIME": Numeric("242", "", (":uptime",), _M),
    "RPL_STATSOLINE": Numeric("243", "", ("O", "mask", "*", "name"), _REPLIES),
    "RPL_LUSERCLIENT": Numeric("251", "", (":users",), _M),
    "RPL_LUSEROP": Numeric("252", "operator(s) online", ("operators",), _M),
    "RPL_LUSERUNKNOWN": Numeric("253", "unknown connection(s)", ("connections",), _M),
    "RPL_LUSERCHANNELS": Numeric("254", "channels formed", ("channels",), _M),
    "RPL_LUSERME": Numeric("255", "", (":clients",), _M),
    "RPL_ADMINME": Numeric("256", "Administrative info", ("server",), _M),
    "RPL_ADMINLOC1": Numeric("257", "", (":info",), _M),
    "RPL_ADMINLOC2": Numeric("258", "", (":info",), _M),
    "RPL_ADMINEMAIL": Numeric("259", "", (":info",), _M),
    "RPL_TRYAGAIN": Numeric("263", "Please wait a while and try again.", ("command",), _M),
    "RPL_LOCALUSERS": Numeric("265", "", ("users", "max", ":users"), _M),
    "RPL_GLOBALUSERS": Numeric("266", "", ("users", "max", ":users"), _M),
    # People
    "RPL_WHOISCERTFP": Numeric("276", "", ("nick", ":fingerprint"), _M),
    "RPL_ACCEPTLIST": Numeric("281", "", (":nicks",), _CALLERID, " "),
    "RPL_ENDOFACCEPT": Numeric("282", "End of /ACCEPT list", (), _CALLERID),
    "RPL_AWAY": Numeric("301", "", ("nick", ":message"), _M),
    "RPL_USERHOST": Numeric("302", "", (":replies",), _M, " "),
    "RPL_ISON": Numeric("303", "", (":nicks",), _REPLIES, " "),
    "RPL_UNAWAY": Numeric("305", "You are no longer marked as being away", (), _M),
    "RPL_NOWAWAY": Numeric("306", "You have been marked as being away", (), _M),
    "RPL_WHOISUSER": Numeric("311", "", ("nick", "user", "host", "*", ":realname"), _M),
    "RPL_WHOISSERVER": Numeric("312", "", ("nick", "server", ":info"), _M),
    "RPL_WHOISOPERATOR": Numeric("313", "is an IRC operator", ("nick",), _M),
    "RPL_WHOWASUSER": Numeric("314", "", ("nick", "user", "host", "*", ":realname"), _M),
    "RPL_ENDOFWHO": Numeric("315", "End of WHO list", ("mask",), _M),
    "RPL_WHOISIDLE": Numeric("317", "seconds idle, signon time", ("nick", "idle", "signon"), _M),
    "RPL_ENDOFWHOIS": Numeric("318", "End of /WHOIS list", ("nick",), _M),
    "RPL_WHOISCHANNELS": Numeric("319", "", ("nick", ":channels"), _M, " "),
    "RPL_WHOISACCOUNT": Numeric("330", "is logged in as", ("nick", "account"), _M),
    "RPL_WHOISBOT": Numeric("335", "is a bot", ("nick",), "IRCv3 bot-mode"),
    "RPL_WHOISACTUALLY": Numeric("338", "Is actually using host", ("nick", "host"), _M),
    "RPL_WHOREPLY": Numeric(
        "352",
        "",
        ("channel", "user", "host", "server", "nick", "flags", ":hops and realname"),
        _M,
    ),
    "RPL_WHOSPCRPL": Numeric("354", "", ("fields...",), "IRCv3 whox"),
    "RPL_ENDOFWHOWAS": Numeric("369", "End of WHOWAS", ("nick",), _M),
    "RPL_WHOISHOST": Numeric("378", "", ("nick", ":host"), _M),
    "RPL_WHOISMODES": Numeric("379", "", ("nick", ":modes"), _M),
    "RPL_WHOISSECURE": Numeric("671", "is using a secure connection", ("nick",), _M),
    # Rooms
    "RPL_WHOISSPECIAL": Numeric("320", "", ("nick", ":info"), _M),
    "RPL_LISTSTART": Numeric("321", "Users  Name", ("Channel",), _M),
    "RPL_LIST": Numeric("322", "", ("channel", "members", ":topic"), _M),
    "RPL_LISTEND": Numeric("323", "End of /LIST", (), _M),
    "RPL_CHANNELMODEIS": Numeric("324", "", ("channel", "modes", "parameters..."), _M),
    "RPL_CREATIONTIME": Numeric("329", "", ("channel", "created"), _M),
    "RPL_NOTOPIC": Numeric("331", "No topic is set", ("channel",), _M),
    "RPL_TOPIC": Numeric("332", "", ("channel", ":topic"), _M),
    "RPL_TOPICWHOTIME": Numeric("333", "", ("channel", "who", "time"), _M),
    "RPL_INVITELIST": Numeric("336", "", ("channel",), _M),
    "RPL_ENDOFINVITELIST": Numeric("337", "End of /INVITE list", (), _M),
    "RPL_INVITING": Numeric("341", "", ("nick", "channel"), _M),
    "RPL_INVEXLIST": Numeric("346", "", ("channel", "mask", "who", "time"), _M),
    "RPL_ENDOFINVEXLIST": Numeric("347", "End of channel invite exception list", ("channel",), _M),
    "RPL_EXCEPTLIST": Numeric("348", "", ("channel", "mask", "who", "time"), _M),
    "RPL_ENDOFEXCEPTLIST": Numeric("349", "End of channel exception list", ("channel",), _M),
    "RPL_NAMREPLY": Numeric("353", "", ("symbol", "channel", ":names"), _M, " "),
    "RPL_ENDOFNAMES": Numeric("366", "End of /NAMES list", ("channel",), _M),
    "RPL_BANLIST": Numeric("367", "", ("channel", "mask", "who", "time"), _M),
    "RPL_ENDOFBANLIST": Numeric("368", "End of channel ban list", ("channel",), _M),
    # What the server has to say
    "RPL_VERSION": Numeric("351", "", ("version", "server", ":comments"), _M),
    "RPL_LINKS": Numeric("364", "", ("*", "server", ":hops and info"), _M),
    "RPL_ENDOFLINKS": Numeric("365", "End of /LINKS list", ("*",), _M),
    "RPL_INFO": Numeric("371", "", (":line",), _M),
    "RPL_MOTD": Numeric("372", "", (":line",), _M),
    "RPL_ENDOFINFO": Numeric("374", "End of INFO list", (), _M),
    "RPL_MOTDSTART": Numeric("375", "", (":title",), _M),
    "RPL_ENDOFMOTD": Numeric("376", "End of /MOTD command.", (), _M),
    "RPL_YOUREOPER": Numeric("381", "You are now an IRC operator", (), _M),
    "RPL_REHASHING": Numeric("382", "Rehashing", ("file",), _M),
    "RPL_TIME": Numeric("391", "", ("server", "timestamp", "offset", ":time"), _M),
    "RPL_HELPSTART": Numeric("704", "", ("subject", ":line"), _M),
    "RPL_HELPTXT": Numeric("705", "", ("subject", ":line"), _M),
    "RPL_ENDOFHELP": Numeric("706", "", ("subject", ":line"), _M),
    "RPL_TARGNOTIFY": Numeric(
        "717", "has been informed that you messaged them.", ("nick",), _CALLERID
    ),
    "RPL_UMODEGMSG": Numeric(
        "718", "is messaging you, and you have umode +g.", ("nick", "user@host"), _CALLERID
    ),
    "RPL_MONONLINE": Numeric("730", "", (":targets",), _MONITOR, ","),
    "RPL_MONOFFLINE": Numeric("731", "", (":targets",), _MONITOR, ","),
    "RPL_MONLIST": Numeric("732", "", (":targets",), _MONITOR, ","),
    "RPL_ENDOFMONLIST": Numeric("733", "End of MONITOR list", (), _MONITOR),
    "RPL_LOGGEDIN": Numeric("900", "You are now logged in", ("source", "account"), _SASL),
    "RPL_LOGGEDOUT": Numeric("901", "You are now logged out", ("source",), _SASL),
    "RPL_SASLSUCCESS": Numeric("903", "SASL authentication successful", (), _SASL),
    "RPL_SASLMECHS": Numeric("908", "are available SASL mechanisms", ("mechanisms",), _SASL),
    # Errors
    "ERR_UNKNOWNERROR": Numeric("400", "", ("command", "subcommand", ":info"), _M),
    "ERR_NOSUCHNICK": Numeric("401", "No such nick/channel", ("nick",), _M),
    "ERR_NOSUCHSERVER": Numeric("402", "No such server", ("server",), _M),
    "ERR_NOSUCHCHANNEL": Numeric("403", "No such channel", ("channel",), _M),
    "ERR_CANNOTSENDTOCHAN": Numeric("404", "Cannot send to channel", ("channel",), _M),
    "ERR_TOOMANYCHANNELS": Numeric("405", "You have joined too many channels", ("channel",), _M),
    "ERR_WASNOSUCHNICK": Numeric("406", "There was no such nickname", ("nick",), _ERRORS),
    "ERR_TOOMANYTARGETS": Numeric("407", "Too many recipients", ("target",), _ERRORS),
    "ERR_NOORIGIN": Numeric("409", "No origin specified", (), _M),
    "ERR_INVALIDCAPCMD": Numeric(
        "410", "Invalid CAP command", ("subcommand",), "IRCv3 capability-negotiation"
    ),
    "ERR_NORECIPIENT": Numeric("411", "No recipient given", (), _M),
    "ERR_NOTEXTTOSEND": Numeric("412", "No text to send", (), _M),
    "ERR_TOOMANYMATCHES": Numeric("416", "Too many matches, not all are told", ("mask",), "ircu"),
    "ERR_INPUTTOOLONG": Numeric("417", "Input line was too long", (), _M),
    "ERR_UNKNOWNCOMMAND": Numeric("421", "Unknown command", ("command",), _M),
    "ERR_NOMOTD": Numeric("422", "MOTD File is missing", (), _M),
    "ERR_NOADMININFO": Numeric("423", "No administrative info available", ("server",), _ERRORS),
    "ERR_NONICKNAMEGIVEN": Numeric("431", "No nickname given", (), _M),
    "ERR_ERRONEUSNICKNAME": Numeric("432", "Erroneous nickname", ("nick",), _M),
    "ERR_NICKNAMEINUSE": Numeric("433", "Nickname is already in use", ("nick",), _M),
    "ERR_UNAVAILRESOURCE": Numeric(
        "437", "Nick/channel is temporarily unavailable", ("channel",), _ERRORS
    ),
    "ERR_USERNOTINCHANNEL": Numeric("441", "They aren't on that channel", ("nick", "channel"), _M),
    "ERR_NOTONCHANNEL": Numeric("442", "You're not on that channel", ("channel",), _M),
    "ERR_USERONCHANNEL": Numeric("443", "is already on channel", ("nick", "channel"), _M),
    "ERR_USERSDISABLED": Numeric("446", "USERS has been disabled", (), _ERRORS),
    "ERR_NOTREGISTERED": Numeric("451", "You have not registered", (), _M),
    "ERR_ACCEPTFULL": Numeric("456", "Accept list is full", (), _CALLERID),
    "ERR_ACCEPTEXIST": Numeric("457", "is already on your accept list", ("nick",), _CALLERID),
    "ERR_ACCEPTNOT": Numeric("458", "is not on your accept list", ("nick",), _CALLERID),
    "ERR_NEEDMOREPARAMS": Numeric("461", "Not enough parameters", ("command",), _M),
    "ERR_ALREADYREGISTERED": Numeric("462", "You may not reregister", (), _M),
    "ERR_PASSWDMISMATCH": Numeric("464", "Password incorrect", (), _M),
    "ERR_YOUREBANNEDCREEP": Numeric("465", "You are banned from this server", (), _M),
    "ERR_INVALIDUSERNAME": Numeric("468", "Your username is not valid", (), _M),
    "ERR_CHANNELISFULL": Numeric("471", "Cannot join channel (+l)", ("channel",), _M),
    "ERR_UNKNOWNMODE": Numeric("472", "is unknown mode char to me", ("mode",), _M),
    "ERR_INVITEONLYCHAN": Numeric("473", "Cannot join channel (+i)", ("channel",), _M),
    "ERR_BANNEDFROMCHAN": Numeric("474", "Cannot join channel (+b)", ("channel",), _M),
    "ERR_BADCHANNELKEY": Numeric("475", "Cannot join channel (+k)", ("channel",), _M),
    "ERR_BADCHANMASK": Numeric("476", "Bad Channel Mask", ("channel",), _M),
    "ERR_NEEDREGGEDNICK": Numeric(
        "477", "You need to be logged in to an account", ("channel",), "Solanum"
    ),
    "ERR_BANLISTFULL": Numeric("478", "Channel list is full", ("channel", "mode"), _ERRORS),
    "ERR_NOPRIVILEGES": Numeric("481", "Permission Denied- You're not an IRC operator", (), _M),
    "ERR_CHANOPRIVSNEEDED": Numeric("482", "You're not channel operator", ("channel",), _M),
    "ERR_CANTKILLSERVER": Numeric("483", "You cant kill a server!", (), _M),
    "ERR_NOOPERHOST": Numeric("491", "No O-lines for your host", (), _M),
    "ERR_UMODEUNKNOWNFLAG": Numeric("501", "Unknown MODE flag", (), _M),
    "ERR_USERSDONTMATCH": Numeric("502", "Cant change mode for other users", (), _M),
    "ERR_HELPNOTFOUND": Numeric("524", "No help available on this topic", ("subject",), _M),
    "ERR_INVALIDMODEPARAM": Numeric(
        "696", "Invalid mode parameter", ("target", "mode", "parameter"), _M
    ),
    "ERR_TARGUMODEG": Numeric("716", "is in +g mode (server-side ignore.)", ("nick",), _CALLERID),
    "ERR_NOPRIVS": Numeric("723", "Insufficient oper privileges.", ("privilege",), _M),
    "ERR_MONLISTFULL": Numeric("734", "Monitor list is full.", ("limit", "targets"), _MONITOR),
    "ERR_NICKLOCKED": Numeric("902", "You must use a nick assigned to you", (), _SASL),
    "ERR_SASLFAIL": Numeric("904", "SASL authentication failed", (), _SASL),
    "ERR_SASLTOOLONG": Numeric("905", "SASL message too long", (), _SASL),
    "ERR_SASLABORTED": Numeric("906", "SASL authentication aborted", (), _SASL),
    "ERR_SASLALREADY": Numeric("907", "You have already authenticated using SASL", (), _SASL),
}
"""By name. Of ``Channel``, ``O`` and ``*`` among the parameters, the word itself is meant."""

LISTINGS: Final[dict[str, tuple[str, str]]] = {
    "b": ("RPL_BANLIST", "RPL_ENDOFBANLIST"),
    "e": ("RPL_EXCEPTLIST", "RPL_ENDOFEXCEPTLIST"),
    "I": ("RPL_INVEXLIST", "RPL_ENDOFINVEXLIST"),
}
"""What tells an entry of the list of a room by its letter, and its end."""
