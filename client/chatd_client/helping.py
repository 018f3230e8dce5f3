"""``chat-client --help``: one screen, written by hand, held against the options by a test."""

import click

TEXT = """\
Usage: chat-client [OPTIONS] [SERVER]
Chat on SERVER: HOST[:PORT], chat[s]://HOST[/ROOM], irc[s]://HOST, lab://HOST,
unix:PATH, or a name from the configuration. On a terminal there is a screen;
in a pipe each line is said. Everything else is in chat-client(1).

  --nick NAME            Be called NAME.
  --room ROOM            Come into ROOM; the first is talked in. Repeatable.
  --account NAME         Log in, with the password that is the first line of:
  --password-file FILE     FILE, or of standard input if that is -.
  --tls                  Speak TLS, and trust a certificate by the system, or:
  --pin SHA256             the one with this fingerprint,
  --ca-file FILE           one that the authorities in FILE vouch for,
  --insecure               any.
  --lab, --no-lab        It is the lab's server, or it is not.
  --plain, --no-color    Lines instead of a screen; a screen without colours.
  --json                 JSON in and out, an object a line.
  --exec CMD             Run CMD for each message, and say what it writes.
  --once                 Leave after the first message.
  --listen, -q, --quiet  Read no input; show nothing.
  --timeout SECONDS      Give up so long after the end of input.
  --log, --no-log        Write what is said to files, or do not.
  --config FILE          Read FILE; --check-config says whether it is right.
  -h, --help, --version  Show this, or the version.
"""


class Helpful(click.Command):
    """A command whose help is TEXT."""

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002  # click's signature
        """Return it."""
        return TEXT.rstrip("\n")
