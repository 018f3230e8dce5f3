"""Coming in: nick and user, what to do if the nick is taken, and getting it back later.

The nick may be taken by ourselves: by a connection of ours that has broken, and that the server
has not noticed yet. So who has been there before asks for it again for some seconds, before it
takes another one; and whoever does not have the nick that was wanted asks for it now and then, and
at once when whoever has it goes.
"""

from typing import Final

from chatd_client.exchange import Phase, Renamed, Status
from chatd_client.exits import Exit, Failure
from chatd_client.irc import negotiation, sasl
from chatd_client.irc.cleaning import clean_name, clean_plain
from chatd_client.irc.session import Session
from chatd_workers.dialects.irc.grammar import Message

AGAIN: Final = 0.3
"""Seconds until a nick is asked for again that an earlier connection of ours may hold."""

TRIES: Final = 10
"""How often that is done."""

REGAIN: Final = 20.0
"""Seconds between attempts to get the nick back that is wanted."""

NICK_REFUSALS: Final = frozenset(("431", "432", "433", "436", "437"))


class Registration:
    """From the first line until one is let in, and the nick from then on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tries = 0
        self._candidate = ""
        self._regaining = False
        self.wake: float | None = None

    def begin(self) -> None:
        """Introduce oneself."""
        session = self._session
        target = session.target
        if target.server_password:
            session.send("PASS", target.server_password)
        session.send("CAP", "LS", "302")
        self._ask(session.wanted)
        user = "".join(each for each in session.wanted if each.isascii() and each.isalnum())
        session.send("USER", user[:10] or "user", "0", "*", target.realname or session.wanted)

    def _ask(self, nick: str) -> None:
        self._candidate = nick
        self._session.send("NICK", nick)

    def tick(self) -> None:
        """Do what is due."""
        session = self._session
        if self.wake is None or session.now < self.wake:
            return
        self.wake = None
        if not session.registered:
            self._ask(session.wanted)
        elif not session.is_me(session.wanted):
            self.regain()

    def regain(self) -> None:
        """Ask for the nick that is wanted."""
        self._regaining = True
        self.wake = self._session.now + REGAIN
        self._session.send("NICK", self._session.wanted)

    def freed(self, nick: str) -> None:
        """Note that nobody is called ``nick`` any more."""
        session = self._session
        if session.support.key(nick) == session.support.key(session.wanted) and not session.is_me(
            nick
        ):
            self.regain()

    def wants(self, nick: str) -> None:
        """Be called ``nick`` from now on, if that can be."""
        self._regaining = False
        self._candidate = nick
        self._session.send("NICK", nick)

    # What the server says to that

    def on_taken(self, message: Message) -> bool:
        """Take 433 and its like; return false if they answer what the user has asked for."""
        session = self._session
        if session.registered:
            regaining, self._regaining = self._regaining, False
            return regaining
        self._tries += 1
        code = message.verb
        if session.resume.nick and self._tries <= TRIES and code in ("433", "436", "437"):
            self.wake = session.now + AGAIN
            return True
        said = clean_plain(message.params[-1]) if message.params else "refused"
        session.info(f"{session.wanted} cannot be had: {said}", code=code, error=True)
        if code == "432" or self._tries > TRIES + 3:
            self._ask(f"user{session.dice.randrange(1000, 10_000)}")
        else:
            self._ask(f"{self._candidate[:20]}_")
        return True

    def on_welcome(self, message: Message) -> None:
        """001: we are in, and called what it says."""
        session = self._session
        if sasl.is_wanted(session) and not session.logged_in:
            sasl.fail(session, "the server lets us in without")
            return
        session.nick = clean_name(message.params[0])
        session.server = clean_name(message.source)
        session.registered = True
        session.info(clean_plain(message.params[-1]), code="001")
        if not session.is_me(session.wanted):
            self.wake = session.now + REGAIN

    def on_nick(self, new: str) -> None:
        """Note that we are called ``new``."""
        session = self._session
        old, session.nick = session.nick, new
        if self._candidate and session.support.key(new) == session.support.key(self._candidate):
            session.wanted = new
        self._regaining = False
        session.tell(Renamed(room="", nick=old, new=new, own=True, time=session.wall))
        if session.is_me(session.wanted):
            self.wake = None


def refused(session: Session, message: Message) -> None:
    """464, 465, 463: we are not let in."""
    if session.registered:
        return
    said = clean_plain(message.params[-1]) if message.params else ""
    session.failure = Failure(Exit.DENIED, f"the server does not let us in: {said}")


def on_logged_in(session: Session, message: Message) -> None:
    """900: we are logged in, and to which account."""
    if len(message.params) > 2:
        session.account = clean_name(message.params[2])
    if session.registered:
        session.tell(standing(session))


def on_logged_out(session: Session, _message: Message) -> None:
    """901."""
    session.account = ""
    if session.registered:
        session.tell(standing(session))


def on_sasl_done(session: Session, _message: Message) -> None:
    """903, 907: logging in is over, well, if we can believe it."""
    if session.registered or not sasl.is_wanted(session) or not sasl.is_proved(session):
        return
    session.proof = None
    session.logged_in = True
    if not session.account:
        session.account = session.target.account
    negotiation.end(session)


def on_sasl_failed(session: Session, message: Message) -> None:
    """902, 904, 905, 906: and not well."""
    if session.proof is not None:
        sasl.fail(session, clean_plain(message.params[-1]) if message.params else "")


def standing(session: Session) -> Status:
    """Return how the connection stands, once it does."""
    return Status(
        phase=Phase.ONLINE,
        server=session.support.network or session.server,
        nick=session.nick,
        account=session.account,
        dialect="irc",
        features=tuple(sorted(session.caps)),
        is_chatd=session.is_chatd,
        time=session.wall,
    )
