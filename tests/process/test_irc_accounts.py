"""What clients of IRC are told when somebody at the machine changes their accounts."""

from pathlib import Path

from conformance.proofs import prove
from harness import chatd, serving
from irc_harness import IRC_CONFIG, IrcClient, enter


def test_a_suspended_account_is_told_apart_and_can_be_restored(tmp_path: Path) -> None:
    """902 (IRCv3 sasl, ERR_NICKLOCKED)."""
    with serving(tmp_path, IRC_CONFIG) as server:
        with enter(server.port, "alice") as alice:
            alice.send("REGISTER * * sesame-1")
            alice.until("REGISTER", "SUCCESS")
        for command, numeric in (("suspend", "902"), ("restore", "900")):
            chatd(server, "account", command, "alice")
            with IrcClient(server.port) as again:
                again.negotiate(["sasl"])
                prove(again, "alice", "sesame-1", "PLAIN")
                again.expect(numeric)


def test_whose_account_is_removed_is_logged_out(tmp_path: Path) -> None:
    """901 (IRCv3 sasl, RPL_LOGGEDOUT), and ACCOUNT * for those who want to know."""
    with (
        serving(tmp_path, IRC_CONFIG) as server,
        enter(server.port, "alice") as alice,
        enter(server.port, "bob", "account-notify") as bob,
    ):
        for client in (alice, bob):
            client.send("JOIN #tea")
            client.until("366")
        alice.send("REGISTER * * sesame-1")
        alice.until("REGISTER", "SUCCESS")
        bob.until("ACCOUNT", "alice")
        chatd(server, "account", "remove", "alice")
        alice.until("901")
        bob.until("ACCOUNT", "*")
