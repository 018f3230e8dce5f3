"""chat-client logs in by SASL, and believes no server that has not proved itself."""

import base64
import hashlib
import hmac
import random
from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace

from chatd_client.exchange import Resume, Say, Target
from chatd_client.exits import Exit
from chatd_client.irc.engine import Engine
from chatd_client.irc.sasl import LEAST_ROUNDS, MOST_ROUNDS
from client_dialects import DIALECTS, WALL

PASSWORD: Final = "sesame"
SALT: Final = b"0123456789abcdef"
TARGET: Final = Target(host="h", nick="alice", account="alice", password=PASSWORD, tls=True)
PLAIN: Final = base64.b64encode(b"\0alice\0sesame").decode()


class Server:
    """What chat-client talks to."""

    def __init__(self, target: Target = TARGET, says: tuple[Say, ...] = ()) -> None:
        self.engine = Engine(Resume(target=target), list(says), wall=WALL, dice=random.Random(1))
        self.engine.begin(1.0)
        self.sent: list[str] = []
        """Every line that the client has sent."""
        self._take()

    def say(self, *lines: str) -> list[str]:
        """Say ``lines`` in one write; return what the client answers."""
        before = len(self.sent)
        self.engine.receive("".join(f":irc.example {line}\r\n" for line in lines).encode(), 2.0)
        self._take()
        return self.sent[before:]

    def _take(self) -> None:
        output, _ = self.engine.take()
        self.sent += output.decode().split("\r\n")[:-1]

    @property
    def why(self) -> str:
        """Why the client has given up; "": it has not."""
        failure = self.engine.failure
        if failure is None:
            return ""
        assert failure.code is Exit.DENIED
        return failure.why.removeprefix("alice is not logged in: ")

    def offer(self, mechanisms: str = "PLAIN,SCRAM-SHA-256") -> list[str]:
        """Offer SASL; return what the client says when it has it."""
        self.say(f"CAP * LS :sasl={mechanisms}" if mechanisms else "CAP * LS :sasl")
        return self.say("CAP * ACK sasl")

    def challenge(self, text: bytes) -> bytes:
        """Return what is answered to a challenge, which is sent in as many pieces as it takes."""
        encoded = base64.b64encode(text).decode()
        pieces = [encoded[start : start + 400] for start in range(0, len(encoded), 400)]
        lines = self.say(*(f"AUTHENTICATE {piece}" for piece in pieces or ["+"]))
        said = "".join(line.removeprefix("AUTHENTICATE ") for line in lines)
        return b"" if said == "+" else said.encode() if said == "*" else base64.b64decode(said)

    def first(self, rounds: str = "4096", more: bytes = b"", *, ours: bytes | None = None) -> bytes:
        """Play SCRAM up to the client's proof, which is returned."""
        assert self.offer() == ["AUTHENTICATE SCRAM-SHA-256"]
        self.bare = self.challenge(b"").removeprefix(b"n,,")
        nonce = self.bare.partition(b"r=")[2]
        nonce = nonce + b"server" if ours is None else ours.replace(b"<nonce>", nonce)
        salt = base64.b64encode(SALT)
        self.challenged = b"r=%s,s=%s,i=%s%s" % (nonce, salt, rounds.encode(), more)
        return self.challenge(self.challenged)

    def signature(self, proof: bytes, password: str = PASSWORD) -> bytes:
        """Return what proves that the server knows ``password``."""
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, 4096)
        covered = b",".join([self.bare, self.challenged, proof.partition(b",p=")[0]])
        key = hmac.digest(salted, b"Server Key", "sha256")
        return b"v=" + base64.b64encode(hmac.digest(key, covered, "sha256"))


def test_scram() -> None:
    server = Server()
    proof = server.first()
    assert server.challenge(server.signature(proof)) == b""
    assert server.say("900 * *!a@h alice :in", "903 * :well") == ["CAP END"]
    server.say("001 alice :Welcome", "422 alice :no")
    assert server.why == ""
    assert server.engine.session.account == "alice"


def test_a_challenge_may_come_in_pieces_and_with_extensions() -> None:
    server = Server()
    proof = server.first(more=b",x=" + b"y" * 700)
    assert proof.startswith(b"c=biws,r=")
    assert server.challenge(server.signature(proof) + b",ext=1") == b""


DONE: Final = ("900 * *!a@h alice :You are now logged in as alice", "903 * :Successful")
IN: Final = ("001 alice :Welcome", "376 alice :End")

NOT_PROVED: Final = "the server says we are, but has not proved that it knows the password"


@pytest.mark.parametrize("numeric", ["903", "907"])
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4])
def test_success_before_the_server_has_proved_itself(steps: int, numeric: str) -> None:
    """Before anything, after our first word, without its last one, or before its nonce."""
    says = (Say(id="1", room="#x", text="secret"),)
    server = Server(says=says)
    does: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: server.say("CAP * LS :sasl=SCRAM-SHA-256"),
        server.offer,
        lambda: (server.offer(), server.challenge(b"")),
        server.first,
    )
    does[steps]()
    heard = server.say(DONE[0], f"{numeric} * :Successful", *IN)
    assert server.why == NOT_PROVED
    assert "CAP END" not in heard
    assert not any("secret" in line or PLAIN in line for line in server.sent)


def test_being_let_in_is_not_being_logged_in() -> None:
    for before in ((), ("CAP * LS :sasl",), (DONE[0],)):
        server = Server()
        server.say(*before, *IN)
        assert server.why == "the server lets us in without"
    server = Server()
    server.say(DONE[0], "CAP * LS :multi-prefix")
    assert server.why == ""
    assert "CAP END" not in server.sent
    server.say("CAP * ACK multi-prefix")
    assert server.why == "the server knows no accounts: we cannot log in"


KEEPS: Final = "the server does not keep to SCRAM-SHA-256"


@pytest.mark.parametrize(
    "last", [b"", b"v=", b"v=AAAA", b"v=" + b"A" * 43 + b"=", b"e=other-error", b"x"]
)
def test_a_wrong_last_word(last: bytes) -> None:
    server = Server()
    server.first()
    assert server.challenge(last) == b"*"
    assert server.why == "the server does not know the password either: it may be another one"
    assert server.say(*DONE, *IN) == []


def test_the_signature_of_another_password() -> None:
    server = Server()
    proof = server.first()
    assert server.challenge(server.signature(proof, "other")) == b"*"
    assert server.why == "the server does not know the password either: it may be another one"


@pytest.mark.parametrize("ours", [b"", b"server", b"<nonce>", b"x<nonce>y"])
def test_a_nonce_that_is_not_ours_and_more(ours: bytes) -> None:
    server = Server()
    assert server.first(ours=ours) == b"*"
    assert server.why


@pytest.mark.parametrize(
    "rounds", ["0", "1", str(LEAST_ROUNDS - 1), str(MOST_ROUNDS + 1), "9" * 300, "04096", "-1", ""]
)
def test_rounds_have_bounds(rounds: str) -> None:
    server = Server()
    assert server.first(rounds) == b"*"
    assert server.why == KEEPS or f"we take {LEAST_ROUNDS} to {MOST_ROUNDS}" in server.why


@pytest.mark.parametrize(
    "challenge", [b"nonsense", b"m=x,r=a,s=AAAA,i=4096", b"r=a,s=AAA,i=4096", b"\xff\0"]
)
def test_what_is_no_scram(challenge: bytes) -> None:
    server = Server()
    server.offer()
    server.challenge(b"")
    assert server.challenge(challenge) == b"*"
    assert server.why


def test_a_challenge_before_the_first_word_and_no_base64() -> None:
    server = Server()
    server.offer()
    assert server.challenge(b"r=a,s=AAAA,i=4096") == b"*"
    server = Server()
    server.offer()
    assert server.say("AUTHENTICATE !!!") == ["AUTHENTICATE *"]
    assert server.why == "the server does not keep to SASL"


@pytest.mark.parametrize("answer", ["904 * :no", "908 * PLAIN :are available"])
def test_it_never_falls_back_to_plain(answer: str) -> None:
    server = Server()
    server.first()
    server.say(answer, "CAP * NEW :sasl=PLAIN", "CAP * ACK sasl", "AUTHENTICATE +")
    assert not any("PLAIN" in line or PLAIN in line for line in server.sent)


# PLAIN


@pytest.mark.parametrize(
    ("target", "private"),
    [
        (TARGET, True),
        (replace(TARGET, insecure=True), False),
        (replace(TARGET, insecure=True, pin="ab" * 32), True),
        (replace(TARGET, tls=False), False),
        (replace(TARGET, tls=False, host="localhost"), True),
        (replace(TARGET, tls=False, host="", unix="/run/chat"), True),
    ],
)
@pytest.mark.parametrize("mechanisms", ["PLAIN", ""])
def test_plain_where_nobody_on_the_way_can_read_it(
    target: Target, private: bool, mechanisms: str
) -> None:
    server = Server(target)
    assert server.offer(mechanisms) == (["AUTHENTICATE PLAIN"] if private else [])
    assert ("password" in server.why) is not private
    if private:
        assert server.say("AUTHENTICATE +") == [f"AUTHENTICATE {PLAIN}"]
        assert server.say(*DONE) == ["CAP END"]


def test_plain_is_said_once_and_to_nothing() -> None:
    server = Server()
    server.offer("PLAIN")
    server.say("AUTHENTICATE +")
    assert server.say("AUTHENTICATE +") == ["AUTHENTICATE *"]
    server = Server()
    server.offer("PLAIN")
    assert server.say("AUTHENTICATE cj1h") == ["AUTHENTICATE *"]
    assert server.why == "the server asks for more than PLAIN has to say"


# What is prepared


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("a\ue000", "the password holds U+E000, which RFC 4013 forbids"),
        ("\u00ad", "the password holds nothing that can be seen"),
        ("a\u05d0", "the password mixes letters written from right to left with others (RFC 4013)"),
    ],
)
def test_a_password_that_scram_cannot_carry(password: str, why: str) -> None:
    server = Server(replace(TARGET, password=password))
    assert server.offer() == []
    assert server.why == why


# Where there is no way to log in


@pytest.mark.parametrize("dialect", ["text", "lab"])
def test_by_an_account_nobody_comes_where_he_cannot_log_in(dialect: str) -> None:
    dialogue = DIALECTS[dialect](Resume(target=TARGET), [Say(id="1", room="", text="hello")])
    dialogue.begin(1.0)
    assert dialogue.take() == (b"", [])
    assert dialogue.failure is not None
    assert "speaks no IRC" in dialogue.failure.why
