"""What a shell is offered behind ``chat-client``: servers that have names. click asks for it."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from chatd_client.habits import places
from chatd_client.habits.config import load
from chatd_workers.config_file import ConfigError


def servers(
    context: click.Context, _argument: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the configured servers whose names begin with ``incomplete``.

    A configuration that cannot be read offers nothing: nobody wants a complaint for a Tab.
    """
    named = context.params.get("config")
    try:
        config = load(Path(named or places.find().config_file), must_exist=False)
    except ConfigError:
        return []
    return [
        CompletionItem(name, help=server.address)
        for name, server in sorted(config.servers.items())
        if name.startswith(incomplete)
    ]
