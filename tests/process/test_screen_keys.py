"""What a person does at the screen of chat-client, key by key, and what is seen of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import CHAT_CLIENT, Server, serving
from irc_harness import IRC_CONFIG, IrcClient
from terminals import Terminal

COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")
"""A sequence that sets a colour of letters or ground (ECMA-48, 8.3.117)."""

PASTE = "\x1b[200~{}\x1b[201~"
"""How a terminal says what was pasted (xterm's bracketed paste)."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), IRC_CONFIG) as running:
        yield running


@pytest.fixture
def bob(server: Server) -> Iterator[IrcClient]:
    with IrcClient(server.port) as client:
        client.register("bob")
        client.send("JOIN #ops,#tea")
        client.sync()
        yield client
        # The next one is called so as well.
        client.send("QUIT")
        client.until_closed()


def says(person: IrcClient, *lines: str) -> None:
    person.send(*(f"PRIVMSG {line}" for line in lines))
    person.sync()


@contextmanager
def alice(
    server: Server, tmp_path: Path, screen: str = "", **environment: str
) -> Iterator[Terminal]:
    config = tmp_path / "config.toml"
    config.write_text(f"[screen]\n{screen}\n")
    with Terminal(
        *(CHAT_CLIENT, f"irc://127.0.0.1:{server.port}", "--nick", "alice"),
        *("--config", str(config), "--room", "#ops", "--room", "#tea"),
        rows=20,
        environment=environment,
    ) as terminal:
        terminal.sees("alice  online")
        terminal.sees("2 here|you have come in")
        yield terminal
        terminal.press("Ctrl-C", "Ctrl-D")
        assert terminal.exit_code() == 0


def test_lines_that_are_pasted_are_asked_about(server: Server, tmp_path: Path) -> None:
    with alice(server, tmp_path) as terminal:
        terminal.type(PASTE.format("one line\n"))
        terminal.sees("#ops > one line$")
        terminal.press("Ctrl-C")
        terminal.sees("#ops >$")
        terminal.type(PASTE.format("first\r/quit\rthird"))
        terminal.sees(r"say 3 lines\? y: yes, n: no, e: edit as one line")
        terminal.press("n")
        terminal.sees("#ops >$")
        terminal.type(PASTE.format("first\n/quit\nthird"))
        terminal.sees("say 3 lines")
        terminal.press("e")
        terminal.sees("#ops > first /quit third$")
        terminal.press("Ctrl-C")
        assert "alice │" not in terminal.shown()
        terminal.type(PASTE.format("first\n/quit\nthird"))
        terminal.sees("say 3 lines")
        terminal.press("y")
        terminal.sees(r"alice │ first\n.*alice │ /quit\n.*alice │ third\n")


def test_tab_completes_however_fast_one_types(
    server: Server, bob: IrcClient, tmp_path: Path
) -> None:
    with alice(server, tmp_path) as terminal:
        says(bob, "#ops :hello")
        terminal.sees("bob │ hello")
        terminal.type("bo\tis it you, bo\t?\r/me\twaves\r")
        terminal.sees(r"alice │ bob: is it you, bob \?\n")
        terminal.sees(r"\* │ alice waves\n")
        # Of several, what they begin with alike; then one after the other.
        terminal.type("/w\t")
        terminal.sees(r"/whoami .*\n.*/whois .*\n.*/window ")
        terminal.press("Tab")
        terminal.sees("> /whoami$")
        terminal.press("Tab")
        terminal.sees("> /whois$")


def test_vi_keys(server: Server, tmp_path: Path) -> None:
    with alice(server, tmp_path, 'keys = "vi"') as terminal:
        terminal.type("one two three")
        terminal.sees("> one two three$")
        terminal.press("Esc")
        terminal.type("bcw")
        terminal.type("four\r")
        terminal.sees("alice │ one two four\n")


def test_from_window_to_window(server: Server, bob: IrcClient, tmp_path: Path) -> None:
    with alice(server, tmp_path) as terminal:
        for key, room in (
            ("Alt-Right", "#tea"),
            ("Alt-Right", "server|irc.example|ExampleNet"),
            ("Alt-Left", "#tea"),
            ("Alt-1", "#ops"),
            ("Alt-2", "#tea"),
        ):
            terminal.press(key)
            terminal.sees(f"^(?:{room}) >$")
        says(bob, "#ops :some news")
        terminal.sees(r"1 #ops\(1\)")
        says(bob, "alice :psst")
        terminal.sees(r"3 bob\(1\)")
        # Who speaks to one is more important than what happens in a room.
        terminal.press("Alt-a")
        terminal.sees("^bob >$")
        terminal.press("Alt-a")
        terminal.sees("^#ops >$")
        terminal.type("/window tea\r")
        terminal.sees("use: /window")
        terminal.type("/window #tea\r")
        terminal.sees("^#tea >$")


def test_a_mention_rings_and_is_shown_on_the_desktop(
    server: Server, bob: IrcClient, tmp_path: Path
) -> None:
    with alice(server, tmp_path, 'notify = "osc777"\nwords = ["deploy"]') as terminal:
        says(bob, "#ops :nothing of interest, aliceband")
        terminal.sees("aliceband")
        assert b"\x07" not in terminal.written
        says(bob, "#ops :alice: hello;\x1b[31m")
        terminal.sees("alice: hello")
        assert b"\x1b]777;notify;bob in #ops;alice: hello,\xef\xbf\xbd[31m\x07" in terminal.written
        says(bob, "#tea :when do we deploy?")
        terminal.sees(r"#tea\(1\)")
        assert b"777;notify;bob in #tea;when do we deploy?" in terminal.written
        tab = terminal.rows()[-2].index("2 #tea")
        others = terminal.screen.buffer[18]
        assert others[tab].bg != others[1].bg
    with alice(server, tmp_path, 'notify = "osc9"') as terminal:
        says(bob, "#tea :ALICE!")
        terminal.sees(r"#tea\(1\)")
        assert b"\x1b]9;bob in #tea: ALICE!\x07\x07" in terminal.written
    with alice(server, tmp_path, 'notify = "none"') as terminal:
        says(bob, "#tea :alice?")
        terminal.sees(r"#tea\(1\)")
        assert b"\x07" not in terminal.written


def test_colours_are_the_nicks_own_and_none_if_none_are_wanted(
    server: Server, bob: IrcClient, tmp_path: Path
) -> None:
    colours = set()
    for text in ("once", "and again"):
        with alice(server, tmp_path) as terminal:
            says(bob, f"#ops :{text}")
            terminal.sees(rf"bob │ {text}\n")
            row = max(n for n, each in enumerate(terminal.rows()) if f"bob │ {text}" in each)
            cells = terminal.screen.buffer[row]
            colours.add(cells[terminal.rows()[row].index("bob")].fg)
            assert COLOUR.search(terminal.written)
    assert len(colours) == 1
    assert "default" not in colours
    with alice(server, tmp_path, NO_COLOR="1") as terminal:
        says(bob, "#ops :alice: black and white")
        terminal.sees("black and white")
        terminal.type("/help\r/search white\r")
        terminal.sees("“white”")
        found = COLOUR.search(terminal.written)
        assert not found, found


def test_the_wheel_scrolls_if_the_mouse_is_wanted(
    server: Server, bob: IrcClient, tmp_path: Path
) -> None:
    with alice(server, tmp_path, "mouse = true") as terminal:
        says(bob, *(f"#ops :row {number}." for number in range(40)))
        terminal.sees(r"row 39\.")
        terminal.type("\x1b[<64;10;5M")  # xterm's SGR report: wheel up, column 10, row 5
        terminal.sees("↑ scrolled")
        assert "row 39." not in terminal.shown()
        terminal.type("\x1b[<65;10;5M")
        terminal.sees(r"row 39\.")


def test_what_is_read_stays_where_it_is_while_others_talk(
    server: Server, bob: IrcClient, tmp_path: Path
) -> None:
    with alice(server, tmp_path) as terminal:
        says(bob, *(f"#ops :page {number}." for number in range(60)))
        terminal.sees(r"page 59\.")
        terminal.press("PgUp")
        terminal.sees("↑ scrolled")
        before = terminal.rows()[1:-3]
        says(bob, "#tea :elsewhere", "#ops :and on", "#tea :that was it")
        terminal.sees(r"#tea\(2\)")
        assert terminal.rows()[1:-3] == before
        terminal.press("End")
        terminal.sees(r"bob │ and on\n")
