"""``chatd metrics``: the master's figures for Prometheus, once or over HTTP. chatd(8).

The HTTP listener is a process of its own, which asks the master over the control socket. The master
never parses bytes from a network, has no thread, and forks; an HTTP library in it would be three
exceptions at once. Whoever does not want to be watched over HTTP does not start one.
"""

import ipaddress
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from chatd_supervisor.addresses import split_address
from chatd_supervisor.asking import ask
from chatd_supervisor.command_line import explain_errors, fail, finding
from chatd_supervisor.exits import Exit
from chatd_supervisor.invocation import Invocation

ENDING = {signal.SIGTERM, signal.SIGINT}


def _loopback(_context: object, _option: object, given: str | None) -> tuple[str, int] | None:
    if given is None:
        return None
    try:
        host, port = split_address(given)
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise click.BadParameter(f"{given}: {error}") from error
    if not local:
        raise click.BadParameter(f"{given}: only an address of this machine, as 127.0.0.1:9105")
    return host, port


@click.command()
@finding
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=_loopback,
    help="Answer HTTP there, on this machine alone, until told to stop.",
)
@explain_errors
def metrics(listen: tuple[str, int] | None, **options: Any) -> None:
    """Show the server's figures as Prometheus reads them."""
    invocation = Invocation(**options)
    ask_now = partial(ask, invocation.paths().control_socket, "metrics")
    if listen is None:
        from chatd_supervisor.exposition import Once, text  # noqa: PLC0415  # heavy

        click.echo(text(Once(ask_now())), nl=False)
    else:
        _serve(listen, ask_now)


def _serve(listen: tuple[str, int], ask_now: Callable[[], dict[str, Any]]) -> None:
    # The library imports all of the web, and no other command is to pay for that.
    from prometheus_client import start_http_server  # noqa: PLC0415
    from setproctitle import setproctitle  # noqa: PLC0415

    from chatd_supervisor.exposition import Figures, registry  # noqa: PLC0415

    # Before any thread: all of them block these, and wait for nobody.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    host, port = listen
    try:
        server, _ = start_http_server(port, host, registry(Figures(ask_now)))
    except OSError as error:
        fail(Exit.UNAVAILABLE, f"cannot listen on {host}:{port}: {error.strerror}")
    address = f"{host}:{server.server_port}"
    setproctitle(f"chatd: metrics {address}")
    click.echo(f"chatd: metrics on http://{address}/metrics")
    signal.sigwait(ENDING)
    server.shutdown()
