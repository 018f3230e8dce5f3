"""Certificates that end: check-config, the log, ``chatd status`` and metrics say so."""

import subprocess
import time
from pathlib import Path

import pytest

from chatd_supervisor.certificates import SOON, Certificate, Validity
from chatd_supervisor.listen_config import Listen
from harness import CHATD, PATIENCE, serving
from secure import Pem, make_certificate, make_expired_certificate

DAY = 86400


def listens(pem: Pem) -> Listen:
    return Listen(address="127.0.0.1:0", tls=True, cert=str(pem.cert), key=str(pem.key))


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_the_dates_are_those_in_the_certificate(tmp_path: Path, kind: str) -> None:
    before = time.time()
    pem = make_certificate(tmp_path, "server", kind, ["-days", "9"])
    certificate = Certificate(listens(pem))
    certificate.close()
    assert certificate.validity is not None
    begins, ends = certificate.validity
    assert before - 2 <= begins <= time.time()
    assert ends - begins == 9 * DAY


def test_what_is_said_of_them() -> None:
    ends = 1_800_000_000
    validity = Validity(ends - 100 * DAY, ends)
    said = [
        (-101 * DAY, "is not valid before 2026-10-07 08:00 UTC: clients refuse it", DAY),
        (-100 * DAY, "", 100 * DAY - SOON),
        (-SOON - 1, "", 1),
        (-SOON, "expires in 14 days, on 2027-01-15 08:00 UTC", SOON),
        (-1, "expires in 0 days, on 2027-01-15 08:00 UTC", 1),
        (0, "has expired on 2027-01-15 08:00 UTC: clients refuse it", None),
    ]
    for after, sentence, later in said:
        assert validity.sentence(ends + after) == sentence
        assert validity.next_look(ends + after) == later


def chatd(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [CHATD, *command], capture_output=True, text=True, timeout=PATIENCE, check=True
    )


def test_an_expired_one_is_told_of_wherever_one_looks(tmp_path: Path) -> None:
    expired, good = make_expired_certificate(tmp_path, "old"), make_certificate(tmp_path, "new")
    config = "".join(
        f'[[listen]]\naddress = "127.0.0.{number}:0"\ntls = true\n'
        f'cert = "{pem.cert}"\nkey = "{pem.key}"\n'
        for number, pem in enumerate((expired, good), 1)
    )
    sentence = "has expired on 2020-01-02 00:00 UTC: clients refuse it"
    with serving(tmp_path, config) as server:
        checked = chatd("check-config", f"--config={server.config_path}")
        assert checked.stderr == f"chatd: {expired.cert} {sentence}\n"
        assert (
            f"certificate address=127.0.0.1:{server.ports[0]} file={expired.cert}" in server.log()
        )
        assert server.log().count(sentence) == 1
        old, new = (one["certificate"] for one in server.ask("status")["listen"])
        assert (old["warning"], new["warning"]) == (sentence, None)
        assert old["days"] < -2000
        assert new["days"] == 99
        directory = f"--runtime-dir={server.runtime_dir}"
        assert f"whose certificate {sentence}" in chatd("status", directory).stdout
        metrics = chatd("metrics", directory).stdout
        name = "chatd_certificate_expires_seconds"
        assert (
            f'{name}{{address="127.0.0.1:{server.ports[0]}"}} {old["expires"]:.4g}'[:60] in metrics
        )
        assert f'{name}{{address="127.0.0.2:{server.ports[1]}"}}' in metrics
