"""chat-client and TLS: whose certificate it takes, and what it says of those that it does not."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from client_harness import piped
from harness import PATIENCE, Server, serving
from irc_harness import IRC_LISTEN
from secure import HOST, Pem, make_certificate, tls_listener

HOSTS = {"good": HOST, "other": "127.0.0.3", "own": "127.0.0.4"}
"""Where each certificate is shown: any free port can be asked for once at each address."""

KEY_USAGE = "keyUsage=critical,keyCertSign"

TRUSTED = ("--ca-file", "{authority}")


class Authority:
    """Signs certificates."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # Python 3.13 wants an authority to say that it is one (VERIFY_X509_STRICT).
        self.pem = make_certificate(directory, "authority", more=("-addext", KEY_USAGE))

    def sign(self, name: str, names: str, *, days: int = 2) -> Pem:
        """Return a certificate called ``name`` for ``names`` (DNS:..., IP:...)."""
        pem = Pem(self._directory / f"{name}.crt", self._directory / f"{name}.key")
        request, extensions = (self._directory / f"{name}.{end}" for end in ("csr", "ext"))
        extensions.write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n")
        openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", f"/CN={name}", "-keyout", str(pem.key), "-out", str(request)),
        )
        openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.pem.cert)),
            *("-CAkey", str(self.pem.key), "-CAcreateserial", "-extfile", str(extensions)),
            *("-days", str(days), "-out", str(pem.cert)),
        )
        return pem


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=PATIENCE)


class Servers:
    """A server that speaks TLS with several certificates, and plainly, and each one's port."""

    def __init__(self, server: Server, authority: Authority, pems: dict[str, Pem]) -> None:
        self.server = server
        self.authority = authority.pem
        self.pems = pems
        self.ports = dict(zip((*pems, "plain"), server.ports, strict=True))

    def where(self, which: str) -> str:
        return f"{HOSTS.get(which, '127.0.0.1')}:{self.ports[which]}"

    def reach(self, which: str, *options: str) -> tuple[int, str]:
        """Say a line to ``which``; return the exit code and what it complains of."""
        scheme = "irc" if which == "plain" else "ircs"
        address = f"{scheme}://{self.where(which)}"
        done = piped(
            "hello\n",
            *(address, "--nick", "bot", "--room", "#tls"),
            *(each.format(authority=self.authority.cert) for each in options),
        )
        return done.returncode, done.stderr


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    directory = tmp_path_factory.mktemp("certificates")
    authority = Authority(directory)
    pems = {
        "good": authority.sign("good", f"IP:{HOST},DNS:localhost"),
        "other": authority.sign("other", "DNS:other.example"),
        "own": make_certificate(directory, "own"),
    }
    irc = 'dialect = "irc"'
    listeners = [tls_listener(pem, irc, f"{HOSTS[name]}:0") for name, pem in pems.items()]
    config = "".join(listeners) + IRC_LISTEN
    with serving(tmp_path_factory.mktemp("server"), config) as server:
        yield Servers(server, authority, pems)


def test_a_certificate_of_an_authority_is_trusted(servers: Servers) -> None:
    assert servers.reach("good", *TRUSTED) == (0, "")


def test_an_authority_that_is_not_known_is_said_and_the_pin_offered(servers: Servers) -> None:
    code, why = servers.reach("good")
    assert code == 76
    assert f"the certificate of {HOST} port {servers.ports['good']} is not trusted: " in why
    assert why.count("\n") == 1
    # What is offered is what would do.
    pin = why.rpartition("--pin ")[2].strip()
    assert pin == servers.pems["good"].fingerprint
    assert servers.reach("good", "--pin", pin) == (0, "")


def test_another_hosts_certificate_is_not_trusted(servers: Servers) -> None:
    code, why = servers.reach("other", *TRUSTED)
    assert code == 76
    assert "is not trusted: " in why
    assert HOSTS["other"] in why.partition("not trusted")[2]


def test_one_that_has_expired_is_not_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    # It has expired in the second in which it was made; -1 is refused since OpenSSL 3.5.
    pem = authority.sign("old", f"IP:{HOST}", days=0)
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server", tls_listener(pem, 'dialect = "irc"')) as server:
        done = piped(
            "", f"ircs://{HOST}:{server.port}", "--nick=b", f"--ca-file={authority.pem.cert}"
        )
    assert done.returncode == 76
    assert "is not trusted: certificate has expired" in done.stderr


def test_the_pinned_one_and_no_other(servers: Servers) -> None:
    pin = servers.pems["own"].fingerprint
    colons = ":".join(pin[place : place + 2] for place in range(0, 64, 2)).upper()
    for written in (pin, colons, f"sha256:{pin}"):
        assert servers.reach("own", "--pin", written) == (0, "")
    # Not even one that an authority vouches for.
    code, why = servers.reach("good", *TRUSTED, "--pin", pin)
    assert code == 76
    assert "shows another certificate than the pinned one" in why
    assert servers.pems["good"].fingerprint in why


def test_any_certificate_if_that_is_asked_for(servers: Servers) -> None:
    assert servers.reach("own", "--insecure") == (0, "")


def test_a_server_without_tls_is_said_to_have_none(servers: Servers) -> None:
    done = piped("", f"ircs://{servers.where('plain')}", "--nick", "bot")
    assert done.returncode == 76
    assert "there is no TLS with 127.0.0.1 port" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_with_tls_is_not_spoken_to_plainly(servers: Servers) -> None:
    done = piped("hello\n", f"irc://{servers.where('good')}", "--nick=b", "--timeout=3")
    assert done.returncode == 1
    assert "TLS is spoken on this port, and nothing else" in done.stderr
    assert done.stderr.count("\n") == 1


def test_one_that_says_nothing_speaks_no_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = piped("", f"ircs://127.0.0.1:{silent.getsockname()[1]}", patience=20)
    assert done.returncode == 76
    assert "does not speak TLS: no answer within 10 s" in done.stderr


def test_a_connection_that_is_cut_has_ended(servers: Servers) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*servers.pems["own"])

    def greet_and_cut() -> None:
        accepted, _ = listener.accept()
        with context.wrap_socket(accepted, server_side=True) as client:
            client.sendall(b":irc.example.org NOTICE * :*** half a li")
            # It says nothing in TLS: that takes unwrap().
            client.shutdown(socket.SHUT_WR)
            while client.recv(1024):  # no reset, which closing it with something unread would be
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet_and_cut)
        thread.start()
        done = piped("", f"ircs://127.0.0.1:{listener.getsockname()[1]}", "--insecure")
        thread.join(PATIENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "chat-client: the server has closed the connection\n"


def test_an_authority_file_that_is_not_there_is_said(servers: Servers) -> None:
    code, why = servers.reach("good", "--ca-file", "/nonexistent/ca.pem")
    assert code == 76
    assert "/nonexistent/ca.pem cannot be used: No such file or directory" in why
