"""People on IRC who log in: a client that reads lines, and knows the client's side of SASL."""

import base64
import hashlib
import hmac
import secrets

from harness import Client, Server

LISTENERS = """
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
"""
"""One for each dialect; ``Server.ports`` are theirs, in this order."""


def plain(account: str, password: str) -> str:
    """Return the message of PLAIN, in base64."""
    return encoded(f"\0{account}\0{password}")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Irc(Client):
    """Somebody on IRC."""

    def line(self) -> str:
        return super().line().removesuffix("\r")

    def say(self, *lines: str) -> None:
        """Send ``lines`` in one packet."""
        self.send("".join(f"{line}\r\n" for line in lines))

    def enter(self, nick: str) -> "Irc":
        """Introduce oneself, and read what that brings."""
        self.say(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        self.until(" 422 ")
        return self

    def sync(self) -> list[str]:
        """Return all that was sent so far, by what comes before the answer to a PING."""
        token = secrets.token_hex(4)
        self.say(f"PING {token}")
        return self.until(token)[:-1]

    def log_in(self, account: str, password: str) -> str:
        """Log in with PLAIN; return the numeric that says how it went."""
        self.say("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain(account, password)}")
        return self.outcome()

    def outcome(self) -> str:
        """Return the numeric that ends an exchange."""
        while True:
            words = self.line().split()
            if words[1:2] and words[1] in ("902", "903", "904", "905", "906"):
                return words[1]

    def log_in_with_scram(self, account: str, password: str) -> str:
        """Log in with SCRAM-SHA-256 (RFC 7677), which checks what the server proves, too."""
        self.say("AUTHENTICATE SCRAM-SHA-256")
        self.until("AUTHENTICATE +")
        first = f"n={account},r={secrets.token_hex(8)}"
        self.say(f"AUTHENTICATE {encoded(f'n,,{first}')}")
        challenge = self.challenge()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
        )
        bare = f"c=biws,r={fields['r']}"
        covered = f"{first},{challenge},{bare}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signed = hmac.digest(hashlib.sha256(key).digest(), covered, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signed, strict=True))
        self.say(f"AUTHENTICATE {encoded(f'{bare},p={base64.b64encode(proof).decode()}')}")
        line = self.line()
        if " 904 " in line:
            return "904"
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        ours = hmac.digest(server_key, covered, "sha256")
        told = base64.b64decode(line.removeprefix("AUTHENTICATE ")).decode()
        assert told == f"v={base64.b64encode(ours).decode()}"
        self.say("AUTHENTICATE +")
        return self.outcome()

    def challenge(self) -> str:
        line = self.line()
        assert line.startswith("AUTHENTICATE "), line
        return base64.b64decode(line.removeprefix("AUTHENTICATE ")).decode()


def connect(server: Server, port: int | None = None) -> Irc:
    """Connect to the listener for IRC."""
    client = Irc(port or server.ports[1])
    server.clients.append(client)
    return client
