"""``python3 supervisor [OPTION ...]``: set up on first use, then ``chatd run``."""

import sys

from bootstrap import SERVER, run

run("chatd", "run", *sys.argv[1:], lock=SERVER)
