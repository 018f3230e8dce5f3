"""What operators of the server may do to all of it, over IRC: DIE, RESTART, REHASH."""

from pathlib import Path

from harness import PATIENCE, eventually, serving
from irc_harness import IRC_CONFIG, OPER, IrcClient, enter

ROOM = "#ops"


def an_operator(port: int) -> IrcClient:
    root = enter(port, "root")
    root.send("OPER {} {}".format(*OPER))
    root.until("381")
    return root


def test_die_stops_the_server_and_everybody_is_told(tmp_path: Path) -> None:
    with (
        serving(tmp_path, IRC_CONFIG) as server,
        an_operator(server.port) as root,
        enter(server.port, "alice") as alice,
    ):
        root.send("DIE")
        for client in (root, alice):
            assert client.until_closed()[-1].verb == "ERROR"
        assert server.process.wait(PATIENCE) == 0


def test_restart_begins_anew_with_everybody_still_there(tmp_path: Path) -> None:
    with (
        serving(tmp_path, IRC_CONFIG) as server,
        an_operator(server.port) as root,
        enter(server.port, "alice") as alice,
    ):
        for client in (root, alice):
            client.send(f"JOIN {ROOM}")
            client.until("366", None, ROOM)
        server.expect_ready()
        root.send("RESTART", f"PRIVMSG {ROOM} :still there?")
        alice.until("PRIVMSG", ROOM, "still there?")
        eventually("a new master is ready", server.is_ready)
        alice.send(f"PRIVMSG {ROOM} :yes")
        root.until("PRIVMSG", ROOM, "yes", patience=PATIENCE)
        assert [message.verb for message in alice.sync()] == []


def test_rehash_reads_the_configuration_again(tmp_path: Path) -> None:
    with serving(tmp_path, IRC_CONFIG) as server, an_operator(server.port) as root:
        root.send("MOTD")
        root.until("422")
        config = server.config_path.read_text()
        server.config_path.write_text(config.replace("[server]\n", '[server]\nmotd = "Be kind."\n'))
        root.send("REHASH")
        root.expect("382")

        def is_new() -> bool:
            root.send("MOTD")
            return any(message.verb == "372" for message in root.sync())

        eventually("the new message of the day", is_new)
