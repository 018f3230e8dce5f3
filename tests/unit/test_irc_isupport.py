"""RPL_ISUPPORT: complete, and in the form that Modern gives it."""

import re

import pytest

from chatd_workers.dialects.irc.isupport import FIXED, tokens

LIMITS = {
    "nick_length": 24,
    "user_length": 20,
    "realname_length": 150,
    "channel_length": 32,
    "topic_length": 300,
    "kick_length": 250,
    "away_length": 200,
    "rooms_per_client": 100,
    "list_entries": 60,
    "accept_entries": 50,
    "monitor_entries": 99,
    "max_targets": 8,
    "history_lines": 70,
}


def test_what_is_configured_is_told() -> None:
    found = set(tokens(network="Example", **LIMITS))
    assert found >= {
        "ACCEPT=50",
        "AWAYLEN=200",
        "CHANLIMIT=#:100",
        "CHANNELLEN=32",
        "CHATHISTORY=70",
        "KICKLEN=250",
        "MAXLIST=b:60,e:60,I:60",
        "MAXTARGETS=8",
        "MONITOR=99",
        "NAMELEN=150",
        "NETWORK=Example",
        "NICKLEN=24",
        "TARGMAX=JOIN:,KICK:8,LIST:,MONITOR:99,NAMES:1,NOTICE:8,PART:,PRIVMSG:8,TAGMSG:8,WHOIS:8",
        "TOPICLEN=300",
        "USERLEN=20",
    }
    assert found >= {
        *("BOT=B", "CALLERID=g", "CASEMAPPING=precis", "CHANTYPES=#", "EXCEPTS=e", "INVEX=I"),
        *("PREFIX=(ov)@+", "STATUSMSG=@+", "UTF8ONLY", "WHOX", "SAFELIST"),
        "MSGREFTYPES=msgid,timestamp",
    }


def test_what_has_no_limit_is_not_told_a_wrong_one() -> None:
    found = set(tokens(network="Example", **dict.fromkeys(LIMITS, 0)))
    assert found >= {"CHANLIMIT=#:", "CHATHISTORY=0", "MONITOR"}
    names = {token.partition("=")[0] for token in found}
    assert not names & {"ACCEPT", "AWAYLEN", "KICKLEN", "MAXLIST", "MAXTARGETS", "TOPICLEN"}


@pytest.mark.parametrize("network", ["Example", "Our Net=1", "Zoë\\net", "x" * 63])
def test_every_token_is_of_the_form_that_modern_gives(network: str) -> None:
    found = tokens(network=network, **LIMITS)
    for token in found:
        # <https://modern.ircdocs.horse/#rplisupport-005>; of the letters of a name, the capitals.
        assert re.fullmatch(r"[A-Z0-9]{1,20}(=[!-<>-~]*)?", token), token
    names = [token.partition("=")[0] for token in found]
    assert names == sorted(set(names))
    assert set(FIXED) <= set(names)
