"""The reader of IRC: a row for what each verb asks for and for each refusal, and hostile bytes."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd_workers import commands as c
from chatd_workers.dialects.irc.grammar import is_middle
from chatd_workers.dialects.irc.reader import VERBS, read
from chatd_workers.names import is_passable, is_safe
from chatd_workers.problems import PROBLEMS
from chatd_workers.reports import MAX_RECORD, Report, decode_record, encode

MICROSECONDS = 1_546_612_406_123_000
TIME = "timestamp=2019-01-04T14:33:26.123Z"


def change(text: str, parameter: str | None = None) -> c.ModeChange:
    return c.ModeChange(text[0] == "+", text[1], parameter)


UNDERSTOOD: dict[str, c.Command] = {
    # Registration, and the connection.
    "CAP LS": c.Capabilities("LS"),
    "cap ls 302": c.Capabilities("LS", 302),
    "CAP LS new": c.Capabilities("LS"),
    "CAP LIST": c.Capabilities("LIST"),
    "CAP END": c.Capabilities("END"),
    "CAP REQ :foo qux -bar  foo ": c.Capabilities("REQ", 0, ["foo", "qux", "-bar", "foo"]),
    "CAP REQ foo bar": c.Capabilities("REQ", 0, ["foo", "bar"]),
    "CAP REQ": c.Capabilities("REQ"),
    "PASS :open sesame": c.Password("open sesame"),
    "NICK alice": c.Rename("alice"),
    "NICK :a b": c.Rename("a b"),
    "NICK *": c.Rename("*"),
    ":bob!b@h NICK alice": c.Rename("alice"),
    "USER al 0 * :Alice A.": c.User("al", "Alice A."),
    "USER u s e r": c.User("u", "r"),
    "AUTHENTICATE PLAIN": c.Authenticate("PLAIN"),
    "AUTHENTICATE +": c.Authenticate("+"),
    "AUTHENTICATE " + "A" * 400: c.Authenticate("A" * 400),
    "PING abc": c.Ping("abc"),
    "PING :a b": c.Ping("a b"),
    "PING " + "x" * 505: c.Ping("x" * 505),
    "PONG": c.Nothing(),
    "PONG :abc": c.Nothing(),
    "QUIT": c.Quit(),
    "QUIT :gone \x02home": c.Quit("gone \x02home"),
    "SETNAME :Al": c.SetRealname("Al"),
    "AWAY": c.Away(),
    "AWAY :": c.Away(),
    "AWAY :be right back": c.Away("be right back"),
    "REGISTER * * secret": c.Register("", "", "secret"),
    "REGISTER alice a@b.example :se cret": c.Register("alice", "a@b.example", "se cret"),
    "VERIFY alice 1234": c.Verify("alice", "1234"),
    "OPER root secret": c.Oper("root", "secret"),
    "KILL bob": c.Kill("bob"),
    "KILL bob :spam": c.Kill("bob", "spam"),
    "WALLOPS :hear": c.Wallops("hear"),
    "rehash": c.Operate("REHASH"),
    "DIE": c.Operate("DIE"),
    "RESTART": c.Operate("RESTART"),
    # Rooms.
    "JOIN #a": c.Enter(["#a"]),
    "JOIN :#a": c.Enter(["#a"]),
    "JOIN #a,#b k": c.Enter(["#a", "#b"], ["k"]),
    "JOIN #a,#b ,k": c.Enter(["#a", "#b"], ["", "k"]),
    "JOIN #a,,#b k,x,y,z": c.Enter(["#a", "#b"], ["k", "y"]),
    "JOIN #a k,": c.Enter(["#a"], ["k"]),
    "JOIN inv@lid": c.Enter(["inv@lid"]),
    "JOIN 0": c.LeaveAll(),
    "JOIN 0,#a": c.Enter(["0", "#a"]),
    "PART #a": c.Part(["#a"]),
    "PART #a,#b :bye all": c.Part(["#a", "#b"], "bye all"),
    "TOPIC #a": c.Topic(None, "#a"),
    "TOPIC #a :": c.Topic("", "#a"),
    "TOPIC #a :\x0304new\ttopic": c.Topic("\x0304new topic", "#a"),
    "NAMES": c.ListNames([]),
    "NAMES #a,#b": c.ListNames(["#a", "#b"]),
    "LIST": c.ListRooms([]),
    "LIST *an1,!#c*,>5,<7": c.ListRooms(["*an1", "!#c*"], [(">", 5), ("<", 7)]),
    "LIST C>2,c<3,T>0,t<10": c.ListRooms([], [("C>", 2), ("C<", 3), ("T>", 0), ("T<", 10)]),
    "LIST >x,<": c.ListRooms([">x", "<"]),
    "INVITE": c.Invite(),
    "INVITE bob #a": c.Invite("bob", "#a"),
    "KICK #a bob": c.Kick("#a", ["bob"]),
    "KICK #a bob,carol :bye now": c.Kick("#a", ["bob", "carol"], "bye now"),
    "KICK #a,#A bob,carol :bye": c.Kick("#a", ["bob", "carol"], "bye"),
    "KICK #a,#b bob,carol": c.Kick("#a,#b", ["bob", "carol"]),
    "MODE #a": c.Mode("#a"),
    "MODE #a b": c.Mode("#a", [change("+b")]),
    "MODE #a +ok-v bob k carol": c.Mode(
        "#a", [change("+o", "bob"), change("+k", "k"), change("-v", "carol")]
    ),
    "MODE #a +k :": c.Mode("#a", [change("+k", "")]),
    "MODE #a +k :pass phrase": c.Mode("#a", [change("+k", "pass phrase")]),
    "MODE bob +iX": c.Mode("bob", [change("+i"), change("+X")]),
    "CHANREG #a": c.ClaimRoom("#a"),
    "CHANREG #a off": c.ClaimRoom("#a", keep=False),
    "CHANACCESS #a bob o": c.Grant("#a", "bob", "o"),
    "CHANACCESS #a bob": c.Grant("#a", "bob", ""),
    # What is said.
    "PRIVMSG #a :hi there": c.Send("say", ["#a"], "hi there"),
    "PRIVMSG #a,bob,@#b hi": c.Send("say", ["#a", "bob", "@#b"], "hi"),
    "PRIVMSG $* :hi": c.Send("say", ["$*"], "hi"),
    "PRIVMSG bob :\x01ACTION waves\x01": c.Send("act", ["bob"], "waves"),
    "PRIVMSG bob :\x01VERSION\x01": c.Send("say", ["bob"], "\x01VERSION\x01"),
    "PRIVMSG bob :a\x1b[31m\x02b\x7f": c.Send("say", ["bob"], "a\ufffd[31m\x02b\ufffd"),
    "PRIVMSG bo\x02b :x": c.Send("say", ["bo\ufffdb"], "x"),
    "NOTICE #a :hi": c.Send("notice", ["#a"], "hi"),
    "NOTICE bob :\x01ACTION waves\x01": c.Send("notice", ["bob"], "\x01ACTION waves\x01"),
    "NOTICE": c.Nothing(),
    "NOTICE bob": c.Nothing(),
    "NOTICE :": c.Nothing(),
    "TAGMSG #a": c.Send("tag", ["#a"]),
    "@+a=1;b=2;+c/d=\\:\\s;+e TAGMSG #a": c.Send(
        "tag", ["#a"], "", {"a": "1", "c/d": "; ", "e": ""}
    ),
    "@+a=x\x1b\\r\\n;account=root PRIVMSG #a hi": c.Send("say", ["#a"], "hi", {"a": "x\ufffd\r\n"}),
    f"@+{'k' * 256}=1;+b=2 NOTICE #a hi": c.Send("notice", ["#a"], "hi", {"b": "2"}),
    "PRIVMSG NickServ :identify secret": c.Identify("", "secret"),
    "PRIVMSG nickserv :IDENTIFY  alice secret": c.Identify("alice", "secret"),
    "PRIVMSG ns :IDENTIFY secret": c.Send("say", ["ns"], "IDENTIFY secret"),
    "PRIVMSG NickServ : ": c.Send("say", ["NickServ"], " "),
    "PRIVMSG NickServ :IDENTIFY": c.Send("say", ["NickServ"], "IDENTIFY"),
    "PRIVMSG NickServ :REGISTER secret a@b.example": c.Register("", "a@b.example", "secret"),
    "NS IDENTIFY secret": c.Identify("", "secret"),
    "NICKSERV :REGISTER secret": c.Register("", "", "secret"),
    "PRIVMSG ChanServ :REGISTER #a": c.ClaimRoom("#a"),
    "CS DROP #a": c.ClaimRoom("#a", keep=False),
    # Who is there.
    "WHO *": c.FindUsers("*"),
    "WHO #a o": c.FindUsers("#a", operators=True),
    "WHO bob %tcuihsnfdlaor,123": c.FindUsers("bob", fields="tcuihsnfdlaor", token="123"),
    "WHO bob o%na": c.FindUsers("bob", operators=True, fields="na"),
    "WHO bob %na,x": c.FindUsers("bob", fields="na"),
    "WHO bob %": c.FindUsers("bob", fields=""),
    "WHOIS bob": c.Whois(["bob"]),
    "WHOIS server bob,carol": c.Whois(["bob", "carol"]),
    "WHOWAS bob": c.Whowas("bob"),
    "WHOWAS bob 2": c.Whowas("bob", 2),
    "WHOWAS bob -1": c.Whowas("bob"),
    "WHOWAS bob,carol": c.Whowas("bob,carol"),
    "ISON alice bob": c.Ison(["alice", "bob"]),
    "ISON :alice  bob ": c.Ison(["alice", "bob"]),
    "ISON " + " ".join("abcdefghijklmnopqrs"): c.Ison(list("abcdefghijklmnopqrs")),
    "USERHOST alice bob": c.Userhost(["alice", "bob"]),
    "MONITOR + alice,bob": c.Monitor("+", ["alice", "bob"]),
    "MONITOR - alice": c.Monitor("-", ["alice"]),
    "MONITOR c": c.Monitor("C"),
    "MONITOR L": c.Monitor("L"),
    "MONITOR S x": c.Monitor("S"),
    "ACCEPT alice,-bob,*": c.Accept(["alice"], ["bob"], show=True),
    "ACCEPT alice": c.Accept(["alice"]),
    "ACCEPT": c.Accept(show=True),
    "LUSERS": c.Ask("LUSERS"),
    "MOTD server": c.Ask("MOTD", ["server"]),
    "version": c.Ask("VERSION"),
    "TIME": c.Ask("TIME"),
    "ADMIN": c.Ask("ADMIN"),
    "INFO": c.Ask("INFO"),
    "STATS u": c.Ask("STATS", ["u"]),
    "LINKS": c.Ask("LINKS"),
    "USERS": c.Ask("USERS"),
    "HELP": c.Ask("HELP"),
    "HELPOP privmsg": c.Ask("HELP", ["PRIVMSG"]),
    # The past.
    "CHATHISTORY LATEST #a * 10": c.Chathistory("LATEST", "#a", c.Selector(latest=True), None, 10),
    "chathistory before #a msgid=abc 10": c.Chathistory(
        "BEFORE", "#a", c.Selector(id="abc"), None, 10
    ),
    f"CHATHISTORY AFTER bob {TIME} 99999999": c.Chathistory(
        "AFTER", "bob", c.Selector(time=MICROSECONDS), None, 1_000_000
    ),
    "CHATHISTORY AROUND #a msgid=a=b 1": c.Chathistory(
        "AROUND", "#a", c.Selector(id="a=b"), None, 1
    ),
    f"CHATHISTORY BETWEEN #a msgid=x {TIME} 5": c.Chathistory(
        "BETWEEN", "#a", c.Selector(id="x"), c.Selector(time=MICROSECONDS), 5
    ),
    f"CHATHISTORY TARGETS {TIME} {TIME} 5": c.Chathistory(
        "TARGETS", "", c.Selector(time=MICROSECONDS), c.Selector(time=MICROSECONDS), 5
    ),
    "MARKREAD #a": c.Markread("#a"),
    f"MARKREAD bob {TIME}": c.Markread("bob", MICROSECONDS),
    # Labels.
    "@label=x PING abc": c.Labeled("x", c.Ping("abc")),
    "@label=\\s\\: PONG": c.Labeled(" ;", c.Nothing()),
    f"@label={'l' * 64} PONG": c.Labeled("l" * 64, c.Nothing()),
    f"@label={'l' * 65} PONG": c.Nothing(),
    "@label PONG": c.Nothing(),
}

REFUSED: dict[str, c.Refuse] = {
    "NOSUCH a": c.Refuse("unknown-command", "NOSUCH"),
    "pa\u017fs x": c.Refuse("unknown-command", "pa\u017fs"),
    "\x03JOIN #a": c.Refuse("unknown-command", "\ufffdJOIN"),
    "CAP": c.Refuse("need-more-parameters", "CAP"),
    "CAP ACK :x": c.Refuse("invalid-cap", "ACK"),
    "CAP :a b": c.Refuse("invalid-cap", "*"),
    "nick": c.Refuse("no-nick", "NICK"),
    "NICK :": c.Refuse("no-nick", "NICK"),
    "USER u 0 *": c.Refuse("need-more-parameters", "USER"),
    "USER u 0 * :": c.Refuse("need-more-parameters", "USER"),
    "PASS": c.Refuse("need-more-parameters", "PASS"),
    "PING": c.Refuse("no-origin", "PING"),
    "PING :": c.Refuse("no-origin", "PING"),
    "AUTHENTICATE": c.Refuse("need-more-parameters", "AUTHENTICATE"),
    "JOIN": c.Refuse("need-more-parameters", "JOIN"),
    "JOIN ,": c.Refuse("need-more-parameters", "JOIN"),
    "PART ,": c.Refuse("need-more-parameters", "PART"),
    "KICK #a": c.Refuse("need-more-parameters", "KICK"),
    "KICK #a ,": c.Refuse("need-more-parameters", "KICK"),
    "INVITE bob": c.Refuse("need-more-parameters", "INVITE"),
    "MODE": c.Refuse("need-more-parameters", "MODE"),
    "CHANACCESS #a bob ov": c.Refuse("unknown-subcommand", "ov", "CHANACCESS"),
    "PRIVMSG": c.Refuse("no-recipient", "PRIVMSG"),
    "PRIVMSG , :x": c.Refuse("no-recipient", "PRIVMSG"),
    "PRIVMSG bob": c.Refuse("no-text"),
    "PRIVMSG bob :": c.Refuse("no-text"),
    "TAGMSG": c.Refuse("no-recipient", "TAGMSG"),
    "TAGMSG ,": c.Refuse("no-recipient", "TAGMSG"),
    "CHANSERV : ": c.Refuse("unknown-subcommand", "*", "CHANSERV"),
    "NS HELP": c.Refuse("unknown-subcommand", "HELP", "NS"),
    "WHOIS": c.Refuse("no-nick", "WHOIS"),
    "WHOIS ,": c.Refuse("no-nick"),
    "WHOWAS": c.Refuse("no-nick", "WHOWAS"),
    "ISON :": c.Refuse("need-more-parameters", "ISON"),
    "USERHOST :": c.Refuse("need-more-parameters", "USERHOST"),
    "ISON : ": c.Refuse("need-more-parameters", "ISON"),
    "USERHOST : ": c.Refuse("need-more-parameters", "USERHOST"),
    "MONITOR ?": c.Refuse("unknown-subcommand", "?", "MONITOR"),
    "MONITOR +": c.Refuse("need-more-parameters", "MONITOR"),
    "HELP ME": c.Refuse("help-not-found", "ME"),
    "CHATHISTORY": c.Refuse("chathistory-incomplete", "CHATHISTORY"),
    "CHATHISTORY latest #a": c.Refuse("chathistory-incomplete", "LATEST"),
    f"CHATHISTORY BETWEEN #a {TIME} 5": c.Refuse("chathistory-incomplete", "BETWEEN"),
    "CHATHISTORY ALL #a * 10": c.Refuse("chathistory-unknown", "ALL"),
    "CHATHISTORY BEFORE #a * 10": c.Refuse("chathistory-invalid", "*", "BEFORE"),
    "CHATHISTORY BEFORE #a msgid= 10": c.Refuse("chathistory-invalid", "msgid=", "BEFORE"),
    "CHATHISTORY LATEST #a timestamp=7 10": c.Refuse(
        "chathistory-invalid", "timestamp=7", "LATEST"
    ),
    "CHATHISTORY LATEST #a * 0": c.Refuse("chathistory-invalid", "0", "LATEST"),
    "CHATHISTORY LATEST #a * -1": c.Refuse("chathistory-invalid", "-1", "LATEST"),
    f"CHATHISTORY TARGETS {TIME} msgid=x 5": c.Refuse("chathistory-invalid", "msgid=x", "TARGETS"),
    "MARKREAD": c.Refuse("markread-incomplete", "MARKREAD"),
    "MARKREAD #a *": c.Refuse("markread-invalid", "*"),
    "MARKREAD #a timestamp=never": c.Refuse("markread-invalid", "timestamp=never"),
    "PING " + "x" * 506: c.Refuse("input-too-long"),
    f"@+a={'x' * 4092} TAGMSG #a": c.Refuse("input-too-long"),
    "@" + ";".join(f"+{n}" for n in range(513)) + " TAGMSG #a": c.Refuse("input-too-long"),
    "PRIVMSG bob :a\0b": c.Refuse("line-has-nul", "PRIVMSG"),
}  # fmt: skip


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_what_is_understood(line: str) -> None:
    assert read(line.encode()) == UNDERSTOOD[line]


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused(line: str) -> None:
    assert read(line.encode()) == REFUSED[line]


@pytest.mark.parametrize("line", REFUSED)
def test_a_refusal_has_its_label(line: str) -> None:
    labeled = f"@label=x;{line[1:]}" if line.startswith("@") else f"@label=x {line}"
    assert read(labeled.encode()) == c.Labeled("x", REFUSED[line])


@pytest.mark.parametrize("line", ["", " ", ":", ":alice", "@a", "@a :s", "001 alice :hi", "433"])
def test_what_asks_for_nothing(line: str) -> None:
    assert read(line.encode()) is None


def test_tags_at_their_limit_pass() -> None:
    tags = "@foo=bar;+baz=" + "a" * 4081
    assert read(f"{tags} PRIVMSG #test {'b' * 496}".encode()) == c.Send(
        "say", ["#test"], "b" * 496, {"baz": "a" * 4081}
    )
    assert read(f"{tags}a PRIVMSG #test {'b' * 495}".encode()) == c.Refuse("input-too-long")
    assert read(f"{tags} PRIVMSG #test {'b' * 497}".encode()) == c.Refuse("input-too-long")


def test_what_is_not_utf8_is_refused_with_its_verb_and_label() -> None:
    assert read(b"PRIVMSG bob hi\xaa") == c.Refuse("invalid-utf8", "PRIVMSG")
    assert read(b"@label=xyz privmsg #qux hi\xaa") == c.Labeled(
        "xyz", c.Refuse("invalid-utf8", "PRIVMSG")
    )
    # How TLS begins: no verb, but a word that may stand in an answer.
    assert read(b"\x16\x03\x01\xff \x01") == c.Refuse("invalid-utf8", "\ufffd" * 4)


def test_every_verb_has_its_row() -> None:
    rows = {line.split(" ")[0].upper() for line in [*UNDERSTOOD, *REFUSED]}
    assert set(VERBS) <= rows


def test_every_problem_of_the_table_is_one() -> None:
    assert {verb.missing for verb in VERBS.values()} <= set(PROBLEMS)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


def check(line: bytes) -> None:
    """Read ``line``: what comes of it is within bounds, and safe."""
    command = read(line)
    if command is None:
        return
    report = Report(0, False, b"", [command])
    record = encode(report)
    assert len(record) < MAX_RECORD
    assert decode_record(record) == report
    if isinstance(command, c.Labeled):
        command = command.command
    if isinstance(command, c.Refuse):
        assert command.problem in PROBLEMS
        assert all(is_safe(word) for word in (command.value, command.about))
        assert not command.value or is_middle(command.value)
    # Tags are a dict, and their values may hold line breaks.
    assert all(map(is_passable, strings(msgspec.to_builtins(command))))


@given(st.binary(max_size=600))
def test_no_bytes_do_harm(line: bytes) -> None:
    check(line)


pieces = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["#a", "0", "*", "+", "-", "+b-o", "!x", "C>1", "o%n,1", "LS", "302", "a,b,"]),
    st.sampled_from([",", ",,", "LATEST", "BETWEEN", "TARGETS", "REQ"]),
    st.sampled_from(["", " ", ":", ": ", TIME, "msgid=x", "\x01ACTION ", "x" * 300, "é" * 300]),
    st.sampled_from(["$*", "@#a", "nickserv", "IDENTIFY", "REGISTER", "-", "1", "9" * 300]),
)
lines = st.builds(
    lambda tags, verb, params: (tags + " ".join([verb, *params])).encode("utf-8", "surrogatepass"),
    st.sampled_from(
        ["", "@label=x ", "@label=\x1b\x9b ", "@+a=\\n\\;+b ", ":x ", "@+x=1;label= :y "]
    ),
    st.sampled_from(sorted(VERBS)),
    st.lists(pieces, max_size=6),
)


@settings(max_examples=1000)
@given(lines)
def test_no_parameters_do_harm(line: bytes) -> None:
    check(line)


@given(lines, st.data())
def test_no_broken_line_does_harm(line: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(line)))
    check(line[:at] + data.draw(st.binary(max_size=3)) + line[at + data.draw(st.integers(0, 3)) :])
