"""The client's side of SASL: how somebody proves who they are (RFC 4616, RFC 5802, RFC 7677)."""

import base64
import hashlib
import hmac
import secrets

from irc_harness import IrcClient

CHUNK = 400
"""Characters of base64 in one AUTHENTICATE; a shorter one ends the answer (IRCv3 SASL)."""


def prove(client: IrcClient, account: str, password: str, mechanism: str) -> None:
    """Authenticate up to the point where the server says how it went, which is not read."""
    client.send(f"AUTHENTICATE {mechanism}")
    client.expect("AUTHENTICATE", "+")
    if mechanism == "PLAIN":
        say(client, f"\0{account}\0{password}".encode())
    elif mechanism == "EXTERNAL":
        client.send("AUTHENTICATE +")
    else:
        assert mechanism == "SCRAM-SHA-256", mechanism
        _scram(client, account, password)


def say(client: IrcClient, answer: bytes) -> None:
    """Send an answer in as many pieces as it takes."""
    encoded = base64.b64encode(answer).decode()
    for start in range(0, len(encoded) + 1, CHUNK):
        client.send(f"AUTHENTICATE {encoded[start : start + CHUNK] or '+'}")


def _heard(client: IrcClient) -> dict[str, str]:
    """Return the attributes of the server's next message of SCRAM."""
    text = base64.b64decode(client.expect("AUTHENTICATE").params[0], validate=True).decode()
    return dict(attribute.split("=", 1) for attribute in text.split(",")) | {"": text}


def _scram(client: IrcClient, account: str, password: str) -> None:
    """SCRAM-SHA-256; the server must prove itself too, if the password is right."""
    nonce = secrets.token_hex(12)
    first = f"n={account},r={nonce}"
    say(client, f"n,,{first}".encode())
    challenge = _heard(client)
    assert challenge["r"].startswith(nonce), "a nonce of its own"
    assert len(challenge["r"]) > len(nonce), "nothing added to the nonce"
    assert int(challenge["i"]) >= 4096, "RFC 7677 4: at least 4096 iterations"
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(challenge["s"]), int(challenge["i"])
    )
    last = f"c={base64.b64encode(b'n,,').decode()},r={challenge['r']}"
    spoken = f"{first},{challenge['']},{last}".encode()
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(), spoken, "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    say(client, f"{last},p={base64.b64encode(proof).decode()}".encode())
    message = client.read()
    if message.verb == "AUTHENTICATE":
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        verifier = base64.b64encode(hmac.digest(server_key, spoken, "sha256")).decode()
        assert base64.b64decode(message.params[0]).decode() == f"v={verifier}"
        client.send("AUTHENTICATE +")
    else:
        client.unread(message)
