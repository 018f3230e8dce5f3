"""How many rooms there may be: in all, from one network, of one person, kept for one account."""

from pathlib import Path

from administered import done
from harness import serving
from irc_harness import IRC_CONFIG, IrcClient

LIMITS = """
[exempt]
addresses = ["127.0.0.77"]

[limits]
join_rate = 0
channels_per_client = 3
rooms_per_network = 2
kept_rooms_per_account = 1
"""

NETWORK_FULL = "As many rooms were made from your network as may be"


def enter(port: int, nick: str, source: str) -> IrcClient:
    return IrcClient(port, source=source).register(nick)


def made(client: IrcClient, room: str) -> str:
    """Return the numeric that refuses ``client`` the room, with its text; empty: it is in."""
    client.send(f"JOIN {room}")
    answer = client.sync()[0]
    return "" if answer.verb == "JOIN" else f"{answer.verb} {answer.params[-1]}"


def test_rooms_of_one_network_are_counted_whatever_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, IRC_CONFIG + LIMITS, supervised=True) as server:
        here, there = "127.0.0.66", "127.0.0.67"
        with enter(server.port, "alice", here) as alice, enter(server.port, "bob", here) as bob:
            assert made(alice, "#a") == made(bob, "#b") == ""
            for client, room in ((alice, "#c"), (bob, "#d")):
                assert made(client, room) == f"437 {NETWORK_FULL}"
            server.kill_master()
            assert made(alice, "#c") == f"437 {NETWORK_FULL}"
            with enter(server.port, "carol", there) as carol:
                assert made(carol, "#c") == ""
                # It goes on to count for where it was made, whoever is in it.
                assert made(alice, "#c") == ""
                bob.send("PART #b")
                bob.sync()
                assert made(bob, "#d") == ""
                assert made(bob, "#e") == f"437 {NETWORK_FULL}"
        with enter(server.port, "dora", "127.0.0.77") as dora:
            assert [made(dora, room) for room in ("#1", "#2", "#3")] == ["", "", ""]
            assert dora.isupport["CHANLIMIT"] == "#:3"
            assert made(dora, "#4") == "405 You have joined too many channels"
        done(server, "exempt", here)
        with enter(server.port, "erin", here) as erin:
            assert [made(erin, room) for room in ("#1", "#2", "#3")] == ["", "", ""]


def test_an_account_has_a_few_rooms_kept(tmp_path: Path) -> None:
    with (
        serving(tmp_path, IRC_CONFIG + LIMITS) as server,
        enter(server.port, "alice", "127.0.0.66") as alice,
    ):
        alice.send("REGISTER * * sesame-1", "JOIN #a", "CHANREG #a", "JOIN #b")
        alice.until("366", "alice", "#b")
        alice.send("CHANREG #b")
        told = alice.expect("NOTICE", "alice").params[-1]
        assert told == "not kept: account alice has as many rooms kept as it may have"
        # A kept room counts without anybody in it, too.
        alice.send("PART #a,#b")
        alice.sync()
        assert made(alice, "#c") == ""
        assert made(alice, "#d") == f"437 {NETWORK_FULL}"
        alice.send("CHANREG #a OFF")
        alice.sync()
        assert made(alice, "#d") == ""
