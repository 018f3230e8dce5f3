"""``python -m chatd_supervisor`` is ``chatd``."""

from chatd_supervisor.cli import main

main(prog_name="chatd")
