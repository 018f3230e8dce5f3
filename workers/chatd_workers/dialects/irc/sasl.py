"""What clients say in AUTHENTICATE, read: base64 in pieces, and the messages of three mechanisms.

Pure functions, from text or bytes to exact types, None for what is none; none of them raises.

A message comes in base64, cut into pieces of PIECE characters, the last of them shorter, or ``+``
if it would be empty (IRCv3, sasl-3.1). A reader sees one line at a time and keeps nothing, so that
any worker can go on where another one died; what is said in several lines can only be put together
where the session is, in the hub. Hence this is the one thing that clients send which is decoded in
the master. It may be: the reader has let pass PIECE characters of base64's alphabet at most
(``is_piece``), the hub keeps MAX_PIECES of them, as text; what is left to do is ``b64decode`` (in
C, of a fixed alphabet, of a bounded length) and one regular expression without alternatives to go
back to. The pieces hold a password: they are kept in memory and never in the journal.
"""

import base64
import re
from typing import Final, NamedTuple

PIECE: Final = 400
"""Characters in a piece; one that is shorter is the last."""

MAX_PIECES: Final = 4
"""Pieces of a message; 1200 bytes."""

_PIECE: Final = re.compile(rf"\+|[A-Za-z0-9+/=]{{1,{PIECE}}}")
_FIRST: Final = re.compile(
    r"(?P<header>(?P<binding>n|y|p=[A-Za-z0-9.-]+),(?:a=(?P<authzid>[^,]+))?,)"
    r"(?P<bare>n=(?P<name>[^,]+),r=(?P<nonce>[!-+\--~]+)(?:,.*)?)",
    re.DOTALL,
)
_FINAL: Final = re.compile(
    r"(?P<bare>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>[!-+\--~]+)(?:,[^,]*)*)"
    r",p=(?P<proof>[A-Za-z0-9+/=]+)"
)
_ESCAPED: Final = {"=2C": ",", "=3D": "="}


class Plain(NamedTuple):
    """The message of PLAIN. RFC 4616."""

    authzid: str
    authcid: str
    password: str


class ScramFirst(NamedTuple):
    """SCRAM's client-first-message. RFC 5802, section 7."""

    header: str
    """Binding and authzid as they were sent: gs2-header."""
    binding: str
    """``n``, ``y``, or ``p=`` and the kind of channel binding."""
    authzid: str
    bare: str
    """What the proof covers: client-first-message-bare."""
    name: str
    nonce: str


class ScramFinal(NamedTuple):
    """SCRAM's client-final-message."""

    bare: str
    """What the proof covers: client-final-message-without-proof."""
    header: str
    """The header of the first message, once more."""
    nonce: str
    proof: bytes


def is_piece(text: str) -> bool:
    """Tell whether ``text`` may be a piece of a message."""
    return _PIECE.fullmatch(text) is not None


def is_last(piece: str) -> bool:
    """Tell whether ``piece`` ends a message."""
    return len(piece) < PIECE


def decode(pieces: str) -> bytes | None:
    """Return the message in ``pieces``, all of them joined."""
    if len(pieces) > PIECE * MAX_PIECES:
        return None
    if len(pieces) % PIECE == 1:  # the + that stands for an empty piece
        pieces = pieces.removesuffix("+")
    try:
        return base64.b64decode(pieces, validate=True)
    except ValueError:
        return None


def encode(message: bytes) -> list[str]:
    """Return ``message`` as the pieces in which it is sent."""
    text = base64.b64encode(message).decode()
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    if not pieces or len(pieces[-1]) == PIECE:
        pieces.append("+")
    return pieces


def read_plain(message: bytes) -> Plain | None:
    """Read the message of PLAIN."""
    parts = _text(message).split("\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        return None
    return Plain(*parts)


def read_external(message: bytes) -> str | None:
    """Return the authzid in the message of EXTERNAL (RFC 4422, appendix A); mostly empty."""
    text = _text(message)
    return None if "\0" in text or (message and not text) else text


def read_first(message: bytes) -> ScramFirst | None:
    """Read SCRAM's client-first-message. One with an extension we must know (``m=``) is none."""
    found = _FIRST.fullmatch(_text(message))
    if found is None:
        return None
    name = _unescaped(found["name"])
    authzid = _unescaped(found["authzid"] or "")
    if name is None or authzid is None:
        return None
    return ScramFirst(
        found["header"], found["binding"], authzid, found["bare"], name, found["nonce"]
    )


def read_final(message: bytes) -> ScramFinal | None:
    """Read SCRAM's client-final-message."""
    found = _FINAL.fullmatch(_text(message))
    if found is None:
        return None
    try:
        header = base64.b64decode(found["binding"], validate=True).decode()
        proof = base64.b64decode(found["proof"], validate=True)
    except ValueError:  # UnicodeDecodeError is one
        return None
    return ScramFinal(found["bare"], header, found["nonce"], proof)


def _text(message: bytes) -> str:
    """Return ``message`` as text, empty if it is not UTF-8."""
    try:
        return message.decode()
    except UnicodeDecodeError:
        return ""


def _unescaped(name: str) -> str | None:
    """Return a saslname without its escapes; None if there is another ``=`` in it."""
    if re.search("=(?!2C|3D)", name):
        return None
    return re.sub("=2C|=3D", lambda found: _ESCAPED[found[0]], name)
