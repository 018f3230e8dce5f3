"""The configuration: what is read, and what is said of what cannot be."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatd_supervisor.account_config import Accounts, Operator
from chatd_supervisor.addresses import overlap, split_address
from chatd_supervisor.config import Config, HistoryKeys, JournalKeys, Limits, Server, load
from chatd_supervisor.config_warnings import sentences
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.tables import format_config
from chatd_workers.config_file import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chatd.toml"


def complaint(file: Path, text: str) -> str:
    """Return what is said of ``text``, without the file's name, which must come first."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(file)
    said = str(raised.value)
    assert said.startswith(f"{file}: ")
    return said.removeprefix(f"{file}: ")


def test_without_a_file_the_defaults_hold() -> None:
    config = load(None)
    assert config == Config()
    assert [listen.address for listen in config.listen] == ["127.0.0.1:5015"]
    assert config.limits.send_queue == 4 * 1024 * 1024


def test_every_key_is_read(file: Path) -> None:
    file.write_text(
        """
        [server]
        name = "lab"
        network = "campus"
        description = "of the lab"
        motd = '''
Tea is at four.
  Biscuits as well.'''
        admin = "Lab\\nSomebody"
        runtime_dir = "/run/chatd"
        state_dir = "/var/lib/chatd"
        log_level = "debug"
        [[listen]]
        address = "[::1]:0"
        dialect = "text"
        [[listen]]
        address = ":5015"
        [limits]
        max_clients = 40
        stop_timeout = 3
        """
    )
    assert load(file) == Config(
        server=Server(
            name="lab",
            network="campus",
            description="of the lab",
            motd="Tea is at four.\n  Biscuits as well.",
            admin="Lab\nSomebody",
            runtime_dir="/run/chatd",
            state_dir="/var/lib/chatd",
            log_level="debug",
        ),
        listen=(Listen(address="[::1]:0"), Listen(address=":5015")),
        limits=Limits(max_clients=40, stop_timeout=3.0),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "port = 1",
            (
                "port: unknown key (allowed: server, listen, limits, exempt, journal,"
                " history, accounts, sandbox, operators)"
            ),
        ),
        (
            '[server]\nnmae = "x"',
            (
                "server.nmae: unknown key; did you mean name? "
                "(allowed: name, network, description, motd, admin, password, user, runtime_dir,"
                " state_dir, log_level, log_format,"
                " watchdog, tell_traced)"
            ),
        ),
        (
            '[[listen]]\nadress = ":1"',
            (
                "listen[1].adress: unknown key; did you mean address? (allowed: address, dialect, "
                "tls, cert, key, sts_duration, proxy_protocol, proxy_from, mode, socket)"
            ),
        ),
        (
            '"\\u001b[2J" = 1',
            (
                "'\\x1b[2J': unknown key (allowed: server, listen, limits, exempt, journal,"
                " history, accounts, sandbox, operators)"
            ),
        ),
        ("limits = 3", "limits = 3: must be a table"),
        ("listen = []", "listen = []: must be at least one table [[listen]]"),
        ("listen = [3]", "listen[1] = 3: must be a table"),
        (
            '[limits]\nmax_clients = "ten"',
            'limits.max_clients = "ten": must be an integer of 0 or more',
        ),
        (
            "[limits]\nmax_clients = true",
            "limits.max_clients = true: must be an integer of 0 or more",
        ),
        (
            "[limits]\nmax_clients = 1.0",
            "limits.max_clients = 1.0: must be an integer of 0 or more",
        ),
        ("[limits]\nmax_rooms = -1", "limits.max_rooms = -1: must be an integer of 0 or more"),
        (
            "[limits]\naccept_backlog = 0",
            "limits.accept_backlog = 0: must be an integer from 1 to 65535",
        ),
        (
            "[limits]\nline_length = 9000",
            "limits.line_length = 9000: must be an integer from 64 to 8192",
        ),
        (
            "[limits]\nstop_timeout = 0",
            "limits.stop_timeout = 0: must be a number above 0 and at most 3600",
        ),
        (
            "[limits]\nstop_timeout = nan",
            "limits.stop_timeout = NaN: must be a number above 0 and at most 3600",
        ),
        (
            '[server]\nlog_level = "loud"',
            'server.log_level = "loud": must be one of debug, info, warning, error',
        ),
        ('[server]\nname = ""', 'server.name = "": must be a string of 1 to 63 characters'),
        ('[server]\nname = "a\\tb"', 'server.name = "a\\tb": must be printable'),
        (
            '[server]\nstate_dir = "~/chatd"',
            'server.state_dir = "~/chatd": must be an absolute path',
        ),
        (
            '[[listen]]\naddress = ":1"\n[[listen]]\naddress = "5015"',
            'listen[2].address = "5015": must be HOST:PORT with a port from 0 to 65535',
        ),
        (
            '[[listen]]\naddress = "::1:5015"',
            'listen[1].address = "::1:5015": an IPv6 address is written in brackets: [::1]:5015',
        ),
        (
            '[server]\nmotd = "bell\\u0007"',
            (
                'server.motd = "bell\\u0007":'
                " must be lines without control characters, except formatting"
            ),
        ),
        (
            '[server]\nadmin = "1\\n2\\n3\\n4"',
            'server.admin = "1\\n2\\n3\\n4": must be of at most 3 lines',
        ),
        ("[[listen]]\n[[listen]]", "listen[2].address: 127.0.0.1:5015 is there twice"),
        (
            '[[listen]]\naddress = "unix:chat.sock"',
            (
                'listen[1].address = "unix:chat.sock": '
                "must be unix: and the absolute path of a socket"
            ),
        ),
        (
            f'[[listen]]\naddress = "unix:/{"x" * 107}"',
            (f'listen[1].address = "unix:/{"x" * 53}...: must have a path of at most 107 bytes'),
        ),
        (
            "[[listen]]\ntls = true",
            "listen[1].tls = true: needs a certificate: cert, and key",
        ),
        (
            '[[listen]]\naddress = "unix:/s"\ntls = true\ncert = "/c"',
            "listen[1].tls = true: is not for Unix sockets",
        ),
        ('[[listen]]\nkey = "/k"', 'listen[1].key = "/k": is only for tls = true'),
        (
            '[[listen]]\ntls = true\ncert = "c.pem"',
            'listen[1].cert = "c.pem": must be an absolute path',
        ),
        ("[[listen]]\ntls = 1", "listen[1].tls = 1: must be true or false"),
        (
            '[[listen]]\nproxy_from = ["127.0.0.1/8"]',
            (
                'listen[1].proxy_from = ["127.0.0.1/8"]: has what is no address or network: '
                "127.0.0.1/8 has host bits set"
            ),
        ),
        (
            "[[listen]]\nproxy_from = [1]",
            "listen[1].proxy_from[1] = 1: must be a list of IP addresses or networks",
        ),
        (
            '[[listen]]\nmode = "777"',
            'listen[1].mode = "777": must be four octal digits, the first of them 0',
        ),
        ('[[listen]]\nmode = "0600"', 'listen[1].mode = "0600": is only for Unix sockets'),
        (
            '[[listen]]\nproxy_from = ["192.0.2.1"]',
            'listen[1].proxy_from = ["192.0.2.1"]: is only for proxy_protocol = true',
        ),
        (
            '[[listen]]\naddress = "unix:/s"\nproxy_protocol = true\nproxy_from = ["192.0.2.1"]',
            (
                'listen[1].proxy_from = ["192.0.2.1"]: is not for Unix sockets; their mode says '
                "who may connect"
            ),
        ),
        (
            '[[listen]]\naddress = ":5015"\n[[listen]]\naddress = "127.0.0.2:5015"',
            (
                'listen[2].address = "127.0.0.2:5015": 127.0.0.2:5015 is taken by '
                "listen[1].address :5015"
            ),
        ),
        ('[[listen]]\ndialect = "x"', 'listen[1].dialect = "x": must be one of text, irc'),
        ("operators = 1", "operators = 1: must be tables [[operators]]"),
        (
            '[[operators]]\nname = "root"',
            "operators[1].password: is missing; must be a hash of argon2, or a password",
        ),
        (
            '[[operators]]\nname = "a b"\npassword = "x"',
            'operators[1].name = "a b": must be a word of 1 to 64 characters',
        ),
        (
            '[[operators]]\nname = "root"\npassword = "x"\nclasses = ["all", ""]',
            ('operators[1].classes[2] = "": must be a list of words of 1 to 32 characters'),
        ),
        (
            '[[operators]]\nname = "root"\npassword = "x"\nclasses = ["a b"]',
            ('operators[1].classes = ["a b"]: must be a list of words of 1 to 32 characters'),
        ),
        (
            '[[operators]]\nname = "root"\npassword = "$argon2id$v=19$m=65536"',
            "operators[1].password: is not a whole hash; chatd hash-password prints one",
        ),
        (
            '[[operators]]\nname = "root"\npassword = 12345',
            "operators[1].password: must be a hash of argon2, or a password",
        ),
        (
            '[[operators]]\nname = "a"\npassword = "x"\n' * 2,
            'operators[2].name = "a": a is there twice',
        ),
        (
            '[exempt]\naddresses = ["192.0.2.1/24"]',
            (
                'exempt.addresses = ["192.0.2.1/24"]: has what is no address or network:'
                " 192.0.2.1/24 has host bits set"
            ),
        ),
        (
            "[accounts]\nregistration = 1",
            "accounts.registration = 1: must be true or false",
        ),
        (
            "[accounts]\nmin_password_length = 0",
            "accounts.min_password_length = 0: must be an integer from 1 to 500",
        ),
    ],
)
def test_what_cannot_be_is_named_with_key_value_and_what_is_allowed(
    file: Path, text: str, said: str
) -> None:
    assert complaint(file, text) == said


def test_a_long_value_is_not_repeated_whole(file: Path) -> None:
    assert len(complaint(file, f'[limits]\nmax_clients = "{"x" * 5000}"')) < 150


def test_broken_toml_is_told_with_line_and_column(file: Path) -> None:
    said = complaint(file, '[server]\nname = "x\n')
    assert said.startswith("is not valid TOML: ")
    assert "line 2, column 10" in said


def test_toml_nested_without_end_is_an_error_too(file: Path) -> None:
    assert complaint(file, "a = " + "[" * 20000).startswith("is not valid TOML: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: cannot be read: No such file or directory"):
        load(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "latin").write_bytes(b'[server]\nname = "caf\xe9"\n')
    with pytest.raises(ConfigError, match="latin: is not UTF-8 at byte 20"):
        load(tmp_path / "latin")


def test_the_command_line_goes_before_the_file_key_by_key(file: Path) -> None:
    file.write_text('[server]\nname = "lab"\nlog_level = "error"\n[[listen]]\naddress = ":1"\n')
    config = load(
        file, {"server": {"log_level": "debug"}, "listen": [{"address": ":2"}, {"address": ":3"}]}
    )
    assert (config.server.name, config.server.log_level) == ("lab", "debug")
    assert [listen.address for listen in config.listen] == [":2", ":3"]


def test_what_is_wrong_on_the_command_line_is_not_blamed_on_the_file(file: Path) -> None:
    file.write_text("")
    with pytest.raises(ConfigError, match=r'^command line: listen\[1\]\.address = "x": must be'):
        load(file, {"listen": [{"address": "x"}]})


def test_no_override_hides_an_error_in_the_file(file: Path) -> None:
    file.write_text('[server]\nlog_level = "loud"\n')
    with pytest.raises(ConfigError, match="loud"):
        load(file, {"server": {"log_level": "debug"}})


@pytest.mark.parametrize(
    ("address", "split"),
    [
        ("127.0.0.1:5015", ("127.0.0.1", 5015)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
        (":5015", ("", 5015)),
        ("*:5015", ("", 5015)),
    ],
)
def test_addresses(address: str, split: tuple[str, int]) -> None:
    assert split_address(address) == split


@pytest.mark.parametrize("address", ["", ":", "5015", "a:65536", "a:-1", "a:x", "a:٣", "::1:5"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"must be HOST:PORT|in brackets"):
        split_address(address)


def test_a_shown_configuration_is_a_file_that_says_the_same(file: Path) -> None:
    config = Config(
        server=Server(name='Café "é" 𝄞 \\', state_dir="/var/lib/chatd"),
        listen=(
            Listen(address=":1", tls=True, cert="/c", key="/k"),
            Listen(address="[::1]:2", proxy_protocol=True, proxy_from=("10.0.0.0/8", "::1")),
            Listen(address="unix:/run/chat.sock", mode="0660"),
        ),
        limits=Limits(max_clients=7, stop_timeout=0.25),
        journal=JournalKeys(max_age_days=3),
        history=HistoryKeys(on_join=0),
        accounts=Accounts(registration=False),
        operators=(
            Operator(name="root", password="§ecret \\"),
            Operator(name="x", password="y", classes=("kill", "wallops")),
        ),
    )
    file.write_text(format_config(config), encoding="utf-8")
    assert load(file) == config


SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.dates())
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
KEYS = st.sampled_from(
    [
        *Config.__struct_fields__,
        *Server.__struct_fields__,
        *Listen.__struct_fields__,
        *Limits.__struct_fields__,
        *Accounts.__struct_fields__,
        *Operator.__struct_fields__,
    ]
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=3)
DOCUMENTS = st.dictionaries(
    KEYS, VALUES | TABLES | st.lists(TABLES, min_size=1, max_size=3), max_size=3
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_whatever_is_given_is_a_configuration_or_a_sentence(document: dict[str, Any]) -> None:
    said = "command line: "
    try:
        load(None, document)
    except ConfigError as error:
        said = str(error)
    assert said.startswith("command line: ")
    assert len(said) < 500


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (":5015", "*:5015", True),
        (":5015", "127.0.0.1:5015", True),
        ("[::]:5015", "[::1]:5015", True),
        ("[::]:5015", "0.0.0.0:5015", False),
        ("localhost:5015", "127.0.0.1:5015", True),
        ("localhost:5015", "[::1]:5015", True),
        ("localhost:5015", "127.0.0.2:5015", False),
        ("chat.example:5015", "CHAT.example:5015", True),
        ("chat.example:5015", ":5015", False),
        ("127.0.0.1:5015", "127.0.0.1:5016", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
        ("unix:/run/a", "unix:/run/./a", True),
        ("unix:/run/a", "unix:/run/b", False),
        ("unix:/run/a", ":5015", False),
    ],
)
def test_addresses_that_no_two_sockets_can_have(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


def test_keys_that_change_nothing_are_told() -> None:
    def vain(**tables: dict[str, Any]) -> list[str]:
        return sentences(load(None, tables))

    assert vain() == []
    assert vain(accounts={"registration": False}) == []
    assert vain(accounts={"registration": False, "require_email": True}) == [
        "accounts.require_email has no effect: accounts.registration is false"
    ]
    assert vain(sandbox={"mode": "off", "memory_mb": 1}) == [
        "sandbox.memory_mb has no effect: sandbox.mode is off"
    ]
    assert vain(limits={"max_crashes": 0, "crash_penalty": 1.0}) == [
        "limits.crash_penalty has no effect: limits.max_crashes is 0"
    ]


def test_there_is_one_answer_to_where_clients_come_by_tls(tmp_path: Path) -> None:
    secure = (
        '[[listen]]\naddress = "{}"\ndialect = "irc"\ntls = true\ncert = "/c"\nsts_duration = {}\n'
    )
    path = tmp_path / "chatd.toml"
    path.write_text(secure.format("127.0.0.1:6697", 5) + secure.format("[::1]:6697", 5))
    load(path)
    path.write_text(secure.format("127.0.0.1:6697", 5) + secure.format("[::1]:6697", 6))
    with pytest.raises(ConfigError, match=r"listen\[2\].sts_duration = 6: and the port must be"):
        load(path)
