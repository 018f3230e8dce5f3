"""``.venv/bin/python tests/pictures.py``: make the pictures in the README anew, in docs/pictures.

A real chatd, a real chat-client on a terminal, and people who talk; what is on the terminal then is
drawn.
"""

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path[0:1] = [str(ROOT / each) for each in ("tests", "supervisor", "workers", "client")]

import bootstrap  # noqa: E402

bootstrap.enter(__file__)

from harness import CHAT_CLIENT, Server, eventually, serving  # noqa: E402
from irc_harness import IrcClient  # noqa: E402
from svg import picture  # noqa: E402
from terminals import Terminal  # noqa: E402

PICTURES: Final = ROOT / "docs" / "pictures"

CONFIG: Final = """
[server]
name = "chat.example.org"
network = "Example"
[[listen]]
address = "127.0.0.1:6667"
dialect = "irc"
"""
"""The usual port, for it can be read on one of the pictures."""

TALK: Final = (
    ("bob", "morning! db2 is back after the disk swap"),
    ("carol", "thanks. replication lag?"),
    ("bob", "42 s and falling"),
    ("dave", "\x01ACTION puts the kettle on\x01"),
    ("carol", "then I deploy api 2.31 at ten, unless somebody objects"),
)

ANSWER: Final = "go ahead, the board is open"

MEANWHILE: Final = (
    ("bob", "none from me either"),
    ("erin", "東京 and Zürich are on the new load balancer already 🎉"),
    ("carol", "alice: could you keep an eye on the error rate meanwhile?"),
)


def main() -> None:
    """Make all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        server = held.enter_context(serving(Path(held.enter_context(_scratch())), CONFIG))
        people = {}
        for nick in ("bob", "carol", "dave", "erin"):
            people[nick] = held.enter_context(IrcClient(server.port))
            people[nick].send(f"NICK {nick}", f"USER {nick} 0 * :{nick}", "JOIN #ops,#lobby,#db")
            people[nick].sync()
        people["bob"].send("TOPIC #ops :on call: carol · deploys freeze on Friday 16:00")
        alice = held.enter_context(
            Terminal(
                *(CHAT_CLIENT, "irc://localhost", "--nick", "alice"),
                *("--room", "#ops", "--room", "#lobby", "--room", "#db"),
                columns=100,
                rows=19,
            )
        )
        alice.sees("alice  online")
        _talk(people, alice)
        _draw(alice, "talk")
        _search(alice)
        _draw(alice, "search")
        _lose(server, alice)
        _draw(alice, "offline")


def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _talk(people: dict[str, IrcClient], alice: Terminal) -> None:
    _say(people, TALK)
    alice.sees("unless somebody objects")
    alice.type(f"{ANSWER}\r")
    alice.sees(f"alice │ {ANSWER}\n")
    # She looks elsewhere; what is said meanwhile is below a mark when she comes back.
    alice.press("Alt-3")
    alice.sees("#db >")
    _say(people, MEANWHILE)
    alice.sees(r"#ops\(3\)")
    alice.press("Alt-1")
    alice.sees(" new ")
    people["dave"].send("PRIVMSG #db :vacuum is done", "PRIVMSG #lobby :alice: lunch?")
    alice.sees(r"#lobby\(1\).*#db\(1\)")
    alice.press("F2")
    alice.sees("here")
    alice.type("ca")
    alice.press("Tab")
    alice.sees("> carol")
    alice.sees(r"lag \d", 30)


def _say(people: dict[str, IrcClient], lines: tuple[tuple[str, str], ...]) -> None:
    for nick, text in lines:
        people[nick].send(f"PRIVMSG #ops :{text}")
        people[nick].sync()


def _search(alice: Terminal) -> None:
    alice.press("F2", "Ctrl-C")
    alice.type("/search deploy\r")
    alice.sees("“deploy” 1/2")


def _lose(server: Server, alice: Terminal) -> None:
    alice.press("Esc")
    alice.press("End")
    server.stop()
    alice.sees("offline")
    alice.type("deploy looks good from here\r")
    alice.sees("under way")


def _draw(alice: Terminal, name: str) -> None:
    # What is still being painted belongs to it.
    eventually("nothing more is painted", lambda: not alice.look(0.2))
    file = PICTURES / f"{name}.svg"
    file.write_text(picture(alice.screen, "chat-client chat.example.org"), "utf-8")
    print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
