"""A bot written with pydle: ``with_pydle.py PORT NICK CHANNEL [HOST tls]``.

What it does is told in test_irc_clients.py.
"""

import sys

import pydle

port, nick, channel, *secure = sys.argv[1:]
host, tls = secure or ["127.0.0.1", ""]


class Bot(pydle.Client):  # type: ignore[misc]
    """Does as it is told."""

    RECONNECT_ON_ERROR = False

    async def on_capability_draft_chathistory_available(self, _value: str | None) -> bool:
        return True

    async def on_nick_change(self, old: str, new: str) -> None:
        await super().on_nick_change(old, new)
        # Not in on_connect(): pydle learns its own nick from an answer to WHOIS, and takes its own
        # JOIN for somebody else's if both come at the same time.
        if old == pydle.client.DEFAULT_NICKNAME:
            await self.join(channel)

    async def on_join(self, target: str, by: str) -> None:
        await super().on_join(target, by)
        if by == self.nickname:
            await self.message(target, "here I am")

    async def on_message(self, target: str, by: str, text: str) -> None:
        await super().on_message(target, by, text)
        command, _, rest = text.partition(" ")
        if command == "!echo":
            await self.message(target, rest)
        elif command == "!topic":
            await self.set_topic(target, rest)
        elif command == "!nick":
            await self.set_nickname(rest)
        elif command == "!history":
            await self.rawmsg("CHATHISTORY", "LATEST", channel, "*", "10")
        elif command == "before:":
            await self.message(channel, f"{by} said {rest}")


bot = Bot(nick, realname="a bot")
bot.run(host, port=int(port), tls=bool(tls), tls_verify=False)
