"""What the commands of ``chatd`` have in common: options, and errors as sentences for people."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, ParamSpec

import click

from chatd_supervisor.asking import ControlError, NotRunning
from chatd_supervisor.credentials import WrongPassword
from chatd_supervisor.exits import Exit
from chatd_supervisor.journal import JournalError
from chatd_supervisor.journal.accounts import AccountConflict
from chatd_supervisor.paths import PathError
from chatd_supervisor.pidfile import AlreadyRunning
from chatd_supervisor.sentence_errors import sentence_of
from chatd_supervisor.stopping import NotStopped
from chatd_workers.config_file import ConfigError

P = ParamSpec("P")


def fail(code: Exit, message: object) -> NoReturn:
    """Say ``message`` and end with ``code``."""
    click.echo(f"chatd: {message}", err=True)
    sys.exit(code)


def explain_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that a user can do something about into a sentence and an exit code."""

    @wraps(command)
    def explained(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as error:
            fail(Exit.CONFIG, error)
        except JournalError as error:
            fail(Exit.DATA, error)
        except PathError as error:
            fail(Exit.CANNOT_CREATE, error)
        except WrongPassword as error:
            fail(Exit.USAGE, f"the password {error}")
        except AlreadyRunning as error:
            fail(Exit.ALREADY_RUNNING, f"{error}; stop it first")
        except NotRunning as error:
            fail(Exit.NOT_RUNNING, error)
        except (AccountConflict, ControlError, NotStopped) as error:
            fail(Exit.FAILURE, error)
        except BrokenPipeError:
            raise  # whoever was to read has gone, which is for click
        except OSError as error:
            fail(Exit.FAILURE, sentence_of(error))

    return explained


def options_of(
    *options: Callable[..., Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what gives a command all of ``options``, in their order."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


config_option = click.option("--config", metavar="FILE", help="Read the configuration from FILE.")
finding = options_of(
    config_option,
    click.option("--runtime-dir", metavar="DIR", help="PID file and control socket are in DIR."),
)
state_option = click.option(
    "--state-dir", metavar="DIR", help="The journal, the log and such are in DIR."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
