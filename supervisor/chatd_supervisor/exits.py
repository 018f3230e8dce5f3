"""Exit codes, in one place: sysexits.h where it has a fitting one. chatd(8), EXIT STATUS."""

import enum


class Exit(enum.IntEnum):
    """What a chatd command exits with."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_RUNNING = 3
    ALREADY_RUNNING = 4
    DATA = 65
    UNAVAILABLE = 69
    SOFTWARE = 70
    CANNOT_CREATE = 73
    STEPPED_ASIDE = 75
    NO_PERMISSION = 77
    CONFIG = 78


MEANINGS: dict[Exit, str] = {
    Exit.OK: "Success.",
    Exit.FAILURE: "What was asked for could not be done, or the master did not answer.",
    Exit.USAGE: "An unknown command or option, or a wrong argument.",
    Exit.NOT_RUNNING: "No master is running in the runtime directory.",
    Exit.ALREADY_RUNNING: "A master is already running in one of the two directories.",
    Exit.DATA: "The journal, or another file in the state directory, is damaged or cannot be used.",
    Exit.UNAVAILABLE: "An address cannot be listened on.",
    Exit.SOFTWARE: "The master ended by a fault of its own.",
    Exit.CANNOT_CREATE: "A directory or file cannot be made or written.",
    Exit.STEPPED_ASIDE: "The master has left its clients to the next one, as it was told to.",
    Exit.NO_PERMISSION: "Root cannot be given up, or whom it is given up for may not read chatd.",
    Exit.CONFIG: "The configuration cannot be used.",
}
