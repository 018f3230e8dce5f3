"""A bot written with miniirc: ``with_miniirc.py PORT NICK CHANNEL [HOST tls]``.

What it does is told in test_irc_clients.py.
"""

import sys
import threading

import miniirc

port, nick, channel, *secure = sys.argv[1:]
host, tls = secure or ["127.0.0.1", ""]

irc = miniirc.IRC(
    host,
    int(port),
    nick,
    [channel],
    ssl=bool(tls),
    verify_ssl=False,
    ns_identity=None,
    ircv3_caps={"batch", "server-time", "draft/chathistory"},
    persist=False,
    auto_connect=False,
)


@irc.Handler("PRIVMSG", colon=False)
def heard(irc, source, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    text = arguments[-1]
    command, _, rest = text.partition(" ")
    if command == "!echo":
        irc.msg(channel, rest)
    elif command == "!topic":
        irc.quote("TOPIC", channel, f":{rest}")
    elif command == "!nick":
        irc.quote("NICK", rest)
    elif command == "!history":
        irc.quote("CHATHISTORY", "LATEST", channel, "*", "10")
    elif command == "before:":
        irc.msg(channel, f"{source[0]} said {rest}")


@irc.Handler("366", colon=False)
def joined(irc, _source, _arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    irc.msg(channel, "here I am")


irc.connect()
threading.Event().wait()
