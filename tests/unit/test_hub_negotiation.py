"""Capability negotiation, in lines: what is listed, and in how many lines."""

import pytest

from chatd_supervisor.hub.negotiation import available
from hub_lines import SERVER, Lines


def _listed(lines: list[str], nick: str) -> list[str]:
    words = []
    for line in lines[:-1]:
        head, _, rest = line.partition(" :")
        assert head == f"CAP {nick} LS *"
        words += rest.split(" ")
    head, _, rest = lines[-1].partition(" :")
    assert head == f"CAP {nick} LS"
    return words + rest.split(" ")


@pytest.mark.parametrize("nick", ["", "N" * 24])
def test_the_list_of_capabilities_takes_no_more_lines_than_it_must(nick: str) -> None:
    server = Lines()
    client = server.irc(nick) if nick else server.arrive("irc")
    lines = server.send(client, "CAP LS 302")
    assert [word.partition("=")[0] for word in _listed(lines, nick or "*")] == [
        name for name in available(server.hub, server.hub.sessions[client]) if name
    ]
    lengths = [len(f":{SERVER} {line}\r\n") for line in lines]
    assert max(lengths) <= 512
    assert sum(lengths) > 512 * (len(lines) - 1)


def test_who_knows_of_no_second_line_is_shown_one() -> None:
    server = Lines()
    client = server.arrive("irc")
    (line,) = server.send(client, "CAP LS")
    assert "=" not in line
    assert _listed([line], "*") == list(available(server.hub, server.hub.sessions[client]))


def test_what_one_has_is_listed_empty_or_not() -> None:
    server = Lines()
    client = server.arrive("irc")
    assert server.send(client, "CAP LIST") == ["CAP * LIST :"]
    server.send(client, "CAP REQ :multi-prefix")
    assert server.send(client, "CAP LIST") == ["CAP * LIST :multi-prefix"]
