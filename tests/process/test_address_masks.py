"""Masks of addresses in rooms, and bans by address: of IPv6, in whatever spelling."""

from pathlib import Path

import pytest

from administered import done
from irc_harness import IRC_CONFIG, IrcClient, irc_serving

CONFIG = IRC_CONFIG.replace("127.0.0.1:0", "[::1]:0") + '[[listen]]\naddress = "127.0.0.1:0"\n'


@pytest.mark.parametrize(
    ("typed", "listed"),
    [
        ("*!*@::1", "*!*@::1"),
        ("*!*@0:0:0:0:0:0:0:1", "*!*@::1"),
        ("0::0:1/128", "*!*@::1"),
        ("*!*@0::1", "*!*@::1"),
        ("*!*@0:0:0::/64", "*!*@::/64"),
        ("*!*@::/127", "*!*@::/127"),
    ],
)
def test_a_mask_of_ipv6_means_who_comes_by_ipv6(tmp_path: Path, typed: str, listed: str) -> None:
    with irc_serving(tmp_path, CONFIG) as server, IrcClient(server.port, host="::1") as alice:
        alice.register("alice")
        with IrcClient(server.port, host="::1") as bob:
            bob.register("bob")
            alice.send("JOIN #r", f"MODE #r +b {typed}")
            alice.until("MODE", "#r", "+b", listed)
            bob.send("JOIN #r")
            bob.expect("474", "bob", "#r")
            alice.send(f"MODE #r +e {typed}")
            alice.expect("MODE", "#r", "+e", listed)
            bob.send("JOIN #r")
            bob.expect("JOIN", "#r")
            bob.sync()
            alice.send(f"MODE #r -e+i {typed}", f"WHO {listed}")
            alice.until("MODE", "#r", "-e+i", listed)
            found = {m.params[5] for m in alice.until("315", "alice") if m.verb == "352"}
            assert found == {"alice", "bob"}
            bob.sync()
            bob.send("PART #r", "JOIN #r")
            bob.until("474", "bob", "#r")
            alice.send(f"MODE #r -b+I {typed} {typed}")
            alice.until("MODE", "#r", "-b+I", listed, listed)
            bob.send("JOIN #r")
            bob.expect("JOIN", "#r")


def test_a_ban_of_an_ipv4_mapped_address_is_one_of_the_ipv4_address(tmp_path: Path) -> None:
    with irc_serving(tmp_path) as server, IrcClient(server.port) as alice:
        alice.register("alice")
        with IrcClient(server.port, source="127.0.0.66") as mallory:
            mallory.register("mallory")
            said = done(server, "ban", "::ffff:127.0.0.66")
            assert said == "chatd: address 127.0.0.66 is banned, 1 client put off\n"
            mallory.until_closed()
        with IrcClient(server.port, source="127.0.0.66") as again:
            assert [message.verb for message in again.until_closed()] == ["ERROR"]
        alice.send("JOIN #r", "MODE #r +b 0::ffff:127.0.0.66", "MODE #r b")
        alice.until("367", "alice", "#r", "*!*@127.0.0.66")
        assert done(server, "unban", "::ffff:7f00:42").endswith("is banned no more\n")
        with IrcClient(server.port, source="127.0.0.66") as back:
            back.register("mallory")
            back.send("JOIN #r")
            back.expect("474", "mallory", "#r")
