"""Whoever guesses, by whatever means, is held up, and the owner of the account is not."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

import account_samples
from chatd_supervisor.hub import Hub, Leaving, OperatorBlock, Rules
from chatd_supervisor.hub.logins import MAX_FAILURES
from chatd_supervisor.journal.accounts import Added, Certified, Removed, Suspended
from chatd_supervisor.login_limits import FREE, FREE_OF_NETWORK, LONGEST
from chatd_workers import commands as c
from chatd_workers.events import Informed, Refused
from chatd_workers.problems import confirm, explain
from hub_talk import Talk

HERE, THERE, LOCAL = "192.0.2.7", "2001:db8::1", "127.0.0.1"
NEIGHBOUR, ELSEWHERE = "2001:db8::ffff:2", "2001:db8:1::1"
FINGERPRINT = "ab" * 32

RULES = Rules(
    history_on_join=0,
    password="open",
    operators=(
        OperatorBlock("root", "sesame", ("all",)),
        OperatorBlock("hashed", account_samples.credentials("sesame").hash, ("all",)),
    ),
    accounts_per_network=2,
)


class Guessing(Talk):
    """Alice has an account, with the password sesame. People come from where they like."""

    def __init__(self, rules: Rules = RULES) -> None:
        super().__init__(rules)
        self.hub.accounts.change(Added(account_samples.account("alice")))
        self.hub.now = 1_000_000_000
        self.hub.network_of = self.network_of

    def network_of(self, number: int) -> str:
        """Return where somebody is counted; LOCAL is exempt."""
        host = self.hub.sessions[number].record.host
        return "" if host == LOCAL else host

    def wait(self, seconds: float) -> None:
        self.hub.now += int(seconds * 1_000_000)

    def arrive(self, nick: str, host: str, dialect: str = "irc") -> int:
        number = self.numbers[nick] = len(self.numbers) + 1
        self.apply(nick, c.Arrive(dialect, host))
        return number

    def enter(self, nick: str, host: str, dialect: str = "irc") -> int:
        number = self.arrive(nick, host, dialect)
        if dialect == "irc":
            self.apply(nick, c.Password("open"))
            self.apply(nick, c.User(nick, nick))
        self.apply(nick, c.Rename(nick))
        self.lines.clear()
        return number

    def told(self, nick: str, line: str) -> str:
        """Have ``nick`` say ``line``; return what it is told in words, and nothing else."""
        self.say(nick, line)
        return self.heard()

    def heard(self) -> str:
        """Return what was told by the last entry, refusals in words."""
        events = [getattr(outcome, "event", None) for outcome in self.outcomes]
        return " | ".join(
            explain(event.problem, event.value)
            if isinstance(event, Refused)
            else confirm(event.notice, event.value)
            if isinstance(event, Informed)
            else str(event)
            for event in events
        )

    def sasl(self, nick: str, *lines: str) -> str:
        said = ""
        for line in lines:
            said = self.told(nick, f"AUTHENTICATE {line}")
        return said

    def plain(self, nick: str, password: str, account: str = "alice") -> str:
        return self.sasl(nick, "PLAIN", encoded(f"\0{account}\0{password}"))

    def scram_first(self, nick: str, account: str = "alice") -> dict[str, str]:
        """Begin SCRAM; return the fields of the challenge, none if it is refused."""
        self.sasl(nick, "SCRAM-SHA-256", encoded(f"n,,n={account},r=mine"))
        line = next((one for one in self.lines[nick] if one.startswith("AUTHENTICATE ")), "")
        text = base64.b64decode(line.removeprefix("AUTHENTICATE ")).decode()
        fields = dict(part.split("=", 1) for part in text.split(",")) if text else {}
        return {**fields, "": text, "account": account} if fields else {}

    def scram_last(self, nick: str, challenge: dict[str, str], password: str) -> str:
        salt, rounds = base64.b64decode(challenge["s"]), int(challenge["i"])
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
        bare = f"c=biws,r={challenge['r']}"
        covered = f"n={challenge['account']},r=mine,{challenge['']},{bare}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), covered, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return self.sasl(nick, encoded(f"{bare},p={base64.b64encode(proof).decode()}"))

    def scram(self, nick: str, password: str, account: str = "alice") -> str:
        challenge = self.scram_first(nick, account)
        return self.scram_last(nick, challenge, password) if challenge else self.heard()

    def account(self, nick: str) -> str:
        return self.hub.sessions[self.numbers[nick]].record.account


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


TO_ACCOUNT = "too many failed logins to this account: try again in 2 seconds"
FROM_NETWORK = "too many failed logins from your network: try again in 2 seconds"
OF_NETWORK = "too many failed attempts from your network: try again in 2 seconds"

MEANS: dict[str, Any] = {
    "PLAIN": lambda talk, nick, word: talk.plain(nick, word),
    "SCRAM-SHA-256": lambda talk, nick, word: talk.scram(nick, word),
    "IDENTIFY": lambda talk, nick, word: talk.told(nick, f"NS IDENTIFY alice {word}"),
}


@pytest.fixture
def talk() -> Guessing:
    return Guessing()


@pytest.mark.parametrize("means", MEANS)
@pytest.mark.parametrize("other", MEANS)
def test_guesses_by_any_means_count_for_all_means(talk: Guessing, means: str, other: str) -> None:
    talk.enter("mallory", HERE)
    talk.enter("alicia", THERE)
    for _ in range(FREE):
        assert "too many" not in MEANS[means](talk, "mallory", "wrong")
    for nick in ("mallory", "alicia"):
        # The right password tells no more than a wrong one, and is not even looked at.
        talk.asked = None
        said = MEANS[other](talk, nick, "sesame")
        assert "failed logins to this account" in said
        assert "try again in 2 seconds" in said
        assert talk.asked is None
        assert talk.account(nick) == ""
    talk.wait(2.0)
    MEANS[other](talk, "alicia", "sesame")
    if other == "SCRAM-SHA-256":
        talk.sasl("alicia", "+")
    assert talk.account("alicia") == "alice"


def test_who_does_not_exist_is_as_someone_who_does(talk: Guessing) -> None:
    talk.enter("mallory", LOCAL)
    for means in (talk.plain, talk.scram):
        for _ in range(FREE):
            assert "too many" not in means("mallory", "wrong", f"nobody-{means.__name__}")
            talk.enter("mallory", LOCAL)
        assert TO_ACCOUNT in means("mallory", "wrong", f"Nobody-{means.__name__}")


def test_proofs_that_were_begun_before_are_not_looked_at(talk: Guessing) -> None:
    """A thousand connections may each have come as far as their proof."""
    challenges = {}
    for n in range(3 * FREE):
        talk.enter(f"m{n}", f"198.51.100.{n}")
        challenges[f"m{n}"] = talk.scram_first(f"m{n}")
    said = [talk.scram_last(nick, challenge, "wrong") for nick, challenge in challenges.items()]
    assert sum("account or password are wrong" in one for one in said) == FREE
    assert sum(TO_ACCOUNT in one for one in said) == 2 * FREE


@pytest.mark.parametrize("name", ["root", "hashed", "nobody"])
def test_guesses_at_an_operators_password_count_for_the_operator(talk: Guessing, name: str) -> None:
    for n in range(FREE):
        talk.enter(f"m{n}", HERE)
        assert "wrong password" in talk.told(f"m{n}", f"OPER {name} wrong")
    talk.enter("root", THERE)
    assert TO_ACCOUNT in talk.told("root", f"OPER {name} sesame")
    assert talk.asked is None
    assert "too many" not in talk.told("root", "OPER guard sesame")


@pytest.mark.parametrize("guess", ["REGISTER alice * sesame", "AUTHENTICATE !!!", "OPER n{} x"])
def test_whatever_else_is_tried_counts_for_the_network(talk: Guessing, guess: str) -> None:
    for n in range(FREE_OF_NETWORK):
        talk.enter(f"m{n}", NEIGHBOUR)
        if guess.startswith("AUTH"):
            talk.told(f"m{n}", "AUTHENTICATE EXTERNAL")
        assert "too many" not in talk.told(f"m{n}", guess.format(n))
    talk.hub.rules = RULES._replace(password="")
    talk.enter("neighbour", THERE)
    talk.enter("elsewhere", ELSEWHERE)
    for line, said in (
        ("NS IDENTIFY alice sesame", FROM_NETWORK),
        ("OPER hashed sesame", FROM_NETWORK),
        ("REGISTER * * sesame", OF_NETWORK),
    ):
        assert said in talk.told("neighbour", line)
        assert talk.asked is None
        assert said not in talk.told("elsewhere", line)


def test_the_servers_password_is_guessed_as_slowly(talk: Guessing) -> None:
    for n in range(FREE_OF_NETWORK):
        talk.arrive(f"m{n}", HERE)
        talk.apply(f"m{n}", c.Password("wrong"))
    talk.arrive("late", HERE)
    talk.apply("late", c.Password("open"))
    assert FROM_NETWORK in talk.heard()
    assert not talk.hub.sessions[talk.numbers["late"]].record.password_given
    talk.arrive("other", THERE)
    talk.apply("other", c.Password("open"))
    assert talk.hub.sessions[talk.numbers["other"]].record.password_given


def test_a_password_that_nobody_asks_for_is_no_guess() -> None:
    talk = Guessing(RULES._replace(password=""))
    for n in range(FREE_OF_NETWORK):
        talk.arrive(f"m{n}", HERE)
        talk.apply(f"m{n}", c.Password("bouncer:secret"))
    talk.enter("alice_", HERE)
    talk.plain("alice_", "sesame")
    assert talk.account("alice_") == "alice"


def test_a_certificate_and_the_kernels_word_are_always_looked_at(talk: Guessing) -> None:
    talk.hub.accounts.change(Certified("alice", FINGERPRINT))
    talk.enter("mallory", HERE)
    for _ in range(FREE):
        talk.plain("mallory", "wrong")
    number = talk.enter("alicia", HERE)
    talk.hub.change(talk.hub.sessions[number], "test", fingerprint=FINGERPRINT, valid_until=10**9)
    talk.sasl("alicia", "EXTERNAL", "+")
    assert talk.account("alicia") == "alice"


def test_the_owner_comes_in_from_where_she_was_whatever_strangers_do(talk: Guessing) -> None:
    talk.enter("alicia", HERE)
    talk.plain("alicia", "sesame")
    talk.apply("alicia", c.Depart("gone"))
    for n in range(100):
        talk.enter(f"m{n}", f"198.51.{n}.1")
        talk.plain(f"m{n}", "wrong")
        talk.wait(LONGEST if n >= FREE - 1 else 0)
    talk.enter("m", "198.51.100.100")
    talk.plain("m", "wrong")
    talk.enter("stranger", ELSEWHERE)
    assert "to this account: try again in 15 minutes" in talk.plain("stranger", "sesame")
    talk.enter("alicia", HERE)
    said = talk.plain("alicia", "sesame")
    assert talk.account("alicia") == "alice"
    assert "101 failed logins to alice" in said
    # Told once.
    assert "failed logins" not in talk.plain("alicia", "sesame")


def test_where_she_is_logged_in_now_is_known_to_the_next_master(talk: Guessing) -> None:
    talk.enter("alicia", NEIGHBOUR)
    talk.plain("alicia", "sesame")
    later = Guessing()
    later.hub = Hub(RULES, talk.hub.state)
    later.hub.accounts.change(Added(account_samples.account("alice")))
    later.hub.now = talk.hub.now
    later.hub.network_of = later.network_of
    later.numbers = dict(talk.numbers)
    later.enter("mallory", HERE)
    for _ in range(FREE):
        later.plain("mallory", "wrong")
    later.enter("again", THERE)
    later.plain("again", "sesame")
    assert later.account("again") == "alice"


def test_whoever_makes_an_account_of_a_name_that_was_removed_begins_anew(talk: Guessing) -> None:
    talk.enter("alicia", HERE)
    talk.plain("alicia", "sesame")
    talk.enter("mallory", THERE)
    for _ in range(FREE):
        talk.plain("mallory", "wrong")
    talk.hub.accounts.change(Removed("alice"))
    talk.hub.account_changed("alice")
    talk.hub.accounts.change(Added(account_samples.account("alice", "other")))
    assert TO_ACCOUNT in talk.plain("alicia", "sesame")
    talk.wait(2.0)
    talk.enter("new", ELSEWHERE)
    assert "failed login" not in talk.plain("new", "other")
    assert talk.account("new") == "alice"


def test_what_is_refused_unseen_counts_for_the_connection_alone(talk: Guessing) -> None:
    number = talk.enter("mallory", HERE)
    for _ in range(MAX_FAILURES - 1):
        talk.plain("mallory", "wrong")
    assert number in talk.hub.sessions
    talk.plain("mallory", "wrong")
    assert isinstance(talk.outcomes[-1], Leaving)
    talk.wait(2.0)
    talk.enter("other", HERE)
    talk.plain("other", "sesame")
    assert talk.account("other") == "alice"


def test_a_suspended_accounts_password_is_no_failure(talk: Guessing) -> None:
    talk.hub.accounts.change(Suspended("alice", suspended=True))
    talk.enter("alicia", HERE)
    for _ in range(FREE + 1):
        assert "too many" not in talk.plain("alicia", "sesame")


def test_whoever_is_exempt_makes_accounts_and_fails_without_a_limit(talk: Guessing) -> None:
    for n in range(2 * FREE_OF_NETWORK):
        talk.enter(f"m{n}", LOCAL)
        talk.told(f"m{n}", "REGISTER alice * sesame")
        talk.told(f"m{n}", "REGISTER * * sesame")
        assert talk.account(f"m{n}") == f"m{n}"


@pytest.mark.parametrize("dialect", ["irc", "text"])
def test_a_network_makes_so_many_accounts_a_day(talk: Guessing, dialect: str) -> None:
    line = "REGISTER * * sesame" if dialect == "irc" else "/register sesame"
    for nick, host in (("a", NEIGHBOUR), ("b", THERE)):
        talk.enter(nick, host, dialect)
        talk.told(nick, line)
        assert talk.account(nick) == nick
    talk.enter("c", NEIGHBOUR, dialect)
    talk.told("c", line)
    heard = talk.lines["c"]
    assert any("your network has made its accounts for a day: try again in 24" in x for x in heard)
    assert talk.asked is None
    talk.enter("d", ELSEWHERE, dialect)
    talk.told("d", line)
    assert talk.account("d") == "d"
    talk.wait(86400)
    talk.told("c", line)
    assert talk.account("c") == "c"


def test_a_tick_that_begins_anew_counts_once(talk: Guessing) -> None:
    talk.enter("mallory", HERE)
    for _ in range(10 * FREE):
        talk.plain("mallory", "wrong")
        talk.hub.login_limits.undo()
        talk.hub.sessions[talk.numbers["mallory"]].record.failures = 0
    talk.plain("mallory", "sesame")
    assert talk.account("mallory") == "alice"
