"""What failed, in a sentence for people, where ``OSError`` would put an errno before it."""

import os
import pwd


def sentence_of(error: OSError) -> str:
    """Return what failed and with which file, without the errno that OSError puts before it."""
    if isinstance(error, SentenceError):
        return str(error)
    said = error.strerror or str(error)
    if error.filename is None:
        return said
    path = os.fsdecode(error.filename)
    if isinstance(error, PermissionError):
        return f"{path}: permission denied; {_owner(path)}"
    return f"{path}: {said}"


def _owner(path: str) -> str:
    """Return in words whose ``path`` is, as far as we may see; else whose its directory is."""
    while True:
        try:
            uid = os.stat(path).st_uid
        except PermissionError:
            path = os.path.dirname(path)
            continue
        except OSError:
            return "it cannot be looked at"
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = f"uid {uid}"
        return f"{path} is {name}'s" if uid != os.geteuid() else f"you own {path}: see its mode"


class SentenceError(OSError):
    """Something of the system's failed; ``str()`` is the sentence, the last of the arguments."""

    def __str__(self) -> str:
        """Return the sentence alone, without the errno that OSError puts before it."""
        return str(self.args[-1])
