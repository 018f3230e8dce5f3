"""``python tests/on_screen.py PORT NICK ROOM ...``: the screen of chat-client, as a program."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0:1] = [str(ROOT / "client"), str(ROOT / "workers")]

from chatd_client.exchange import Target  # noqa: E402
from chatd_client.reader_process import ReaderProcess  # noqa: E402
from chatd_client.restoring import Terminal  # noqa: E402
from chatd_client.screen.app import ScreenSettings, run  # noqa: E402


def main() -> int:
    port, nick, *rooms = sys.argv[1:]
    target = Target(host="127.0.0.1", port=int(port), nick=nick, rooms=tuple(rooms))
    companion = ReaderProcess(target, terminal=Terminal())
    try:
        return run(companion, ScreenSettings(rooms=tuple(rooms)))
    finally:
        companion.close()


if __name__ == "__main__":
    sys.exit(main())
