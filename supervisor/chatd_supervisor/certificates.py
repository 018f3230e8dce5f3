"""Certificates and keys: read when chatd begins and at a reload, handed to workers that speak TLS.

The master never has a key in its memory, for every worker is a copy of that. The kernel copies
the PEM files into a file without a name (memfd_create(2)), which is sealed: a worker that is given
its descriptor can read it and nothing else. A child that lives for a moment tries whether OpenSSL
can use it, and says what is wrong.
"""

import contextlib
import fcntl
import os
import signal
import stat
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from chatd_supervisor.amounts import amount
from chatd_supervisor.config import Config
from chatd_supervisor.listen_config import Listen
from chatd_workers.config_file import ConfigError
from chatd_workers.signals import MASTERS_SIGNALS

if TYPE_CHECKING:
    import ssl

MAX_FILE: Final = 1024 * 1024
"""Bytes of a PEM file."""

MAX_COMPLAINT: Final = 4096

_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


SOON: Final = 14 * 86400
"""Seconds before its end at which it is said that a certificate ends."""

_USABLE: Final = "usable"

_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, for which Python has no name (X509_VERIFY_PARAM_set_flags(3))."""


class Validity(NamedTuple):
    """From when until when a certificate is valid, in seconds since the epoch."""

    begins: int
    ends: int

    def sentence(self, now: float) -> str:
        """Return what is to be said of it; empty if it is valid and will be for a while."""
        if now < self.begins:
            return f"is not valid before {_day(self.begins)}: clients refuse it"
        if now >= self.ends:
            return f"has expired on {_day(self.ends)}: clients refuse it"
        if self.ends - now <= SOON:
            return f"expires in {amount(self.days(now), 'day')}, on {_day(self.ends)}"
        return ""

    def days(self, now: float) -> int:
        """Return the whole days that are left; less than 0 once it has expired."""
        return int((self.ends - now) // 86400)

    def next_look(self, now: float) -> float | None:
        """Return the seconds until something else is to be said of it; None: never."""
        moments = (self.begins, self.ends - SOON, self.ends)
        return min((moment - now for moment in moments if moment > now), default=None)


def _day(moment: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))


class CertificateError(ConfigError):
    """A certificate or its key cannot be used; ``str()`` names the file and says why."""


class Certificate:
    """The certificate of one listener and its key, as one descriptor."""

    def __init__(self, listen: Listen) -> None:
        """Read the files that ``listen`` names. Raises CertificateError."""
        assert listen.cert is not None, "TLS has a certificate"
        key = listen.key or listen.cert
        self._fd = os.memfd_create("chatd-certificate", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            for path in dict.fromkeys((listen.cert, key)):
                _append(self._fd, path)
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, _SEALS)
            # Imported before workers are forked, which then have it already.
            from chatd_workers import tls  # noqa: F401, PLC0415

            self.validity = _try(self._fd, listen.cert, key)
            """When it is valid; None: that cannot be seen."""
        except BaseException:
            os.close(self._fd)
            raise

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def close(self) -> None:
        """Let go of it; whoever was given it has it still."""
        os.close(self._fd)


def check_certificates(config: Config) -> list[str]:
    """See that all that ``config`` names can be used; return what is to be said of their dates.

    Raises CertificateError.
    """
    said = []
    for listen in config.listen:
        if listen.tls:
            certificate = Certificate(listen)
            certificate.close()
            if certificate.validity is not None:
                sentence = certificate.validity.sentence(time.time())
                said += [f"{listen.cert} {sentence}"] if sentence else []
    return said


def _append(fd: int, path: str) -> None:
    """Have the kernel append the file at ``path``, and the end of a line, to ``fd``."""
    try:
        # Not blocking: a FIFO would have nothing to say.
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with contextlib.closing(os.fdopen(source, "rb", buffering=0)):
            left = _size(path, source)
            while left and (sent := os.sendfile(fd, source, None, left)):
                left -= sent
        os.write(fd, b"\n")
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read: {error.strerror}") from error


def _size(path: str, source: int) -> int:
    found = os.fstat(source)
    if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE:
        raise CertificateError(f"{path}: is not a PEM file")
    return found.st_size


def _try(fd: int, cert: str, key: str) -> Validity | None:
    """See whether OpenSSL can use what is in ``fd``; return when it is valid, if that can be seen.

    Raises CertificateError.
    """
    answer = _in_a_child(lambda: _tried(fd, cert, key))
    if not answer.startswith(_USABLE):
        raise CertificateError(answer or "the certificate cannot be tried")
    dates = answer.removeprefix(_USABLE).split()
    return Validity(*map(int, dates)) if dates else None


def _tried(fd: int, cert: str, key: str) -> str:
    """Return _USABLE and the dates of what is in ``fd``, or in a sentence what is wrong with it."""
    import ssl  # noqa: PLC0415  # only where there is TLS

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    complaint = _complaint(context, fd, cert, key)
    if complaint:
        return complaint
    try:
        dates = _dates(context, fd)
    except ssl.SSLError:
        return _USABLE  # clients may make more of it than we can
    return f"{_USABLE} {dates.begins} {dates.ends}"


def _dates(context: "ssl.SSLContext", fd: int) -> Validity:
    """Return when the certificate of ``context``, which is in ``fd``, is valid.

    As a client is told, by a handshake within this process: the ssl module shows the dates of no
    other certificate. Raises SSLError.
    """
    import ssl  # noqa: PLC0415

    from chatd_workers.tls import seconds_of  # noqa: PLC0415

    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cafile=f"/proc/self/fd/{fd}")
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there)
    ends = [asking, context.wrap_bio(there, back, server_side=True)]
    while ends:
        end = ends.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            ends.append(end)
    shown: Any = asking.getpeercert()
    return Validity(seconds_of(shown["notBefore"]), seconds_of(shown["notAfter"]))


def _complaint(context: "ssl.SSLContext", fd: int, cert: str, key: str) -> str:
    """Return what is wrong with what is in ``fd``, in a sentence; empty if nothing is."""
    import ssl  # noqa: PLC0415

    copy = f"/proc/self/fd/{fd}"
    try:
        context.load_verify_locations(cafile=copy)
    except OSError:
        return f"{cert}: holds no certificate in PEM"
    try:
        context.load_cert_chain(copy, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{key}: holds the key of another certificate than {cert}"
        why = f" ({error.reason})" if error.reason else ""
        return f"{key}: holds no key in PEM that can be used without a password{why}"
    except OSError as error:
        return f"{key}: {error}"
    return ""


def _in_a_child(work: Callable[[], str]) -> str:
    """Return what ``work`` returns, done in a process of its own; what it reads stays there."""
    heard, said = os.pipe2(os.O_CLOEXEC)
    # As with workers: a signal must not run our handlers over there.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, MASTERS_SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _answer(said, work)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(said)
    with os.fdopen(heard, "rb") as answer:
        text = answer.read(MAX_COMPLAINT).decode(errors="backslashreplace")
    _, status = os.waitpid(pid, 0)
    return text if status == 0 else ""


def _answer(said: int, work: Callable[[], str]) -> NoReturn:
    code = os.EX_SOFTWARE
    with contextlib.suppress(BaseException):
        os.write(said, work().encode())
        code = os.EX_OK
    os._exit(code)
