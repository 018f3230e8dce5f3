"""What failed, in a sentence for people, where ``OSError`` would put an errno before it."""


class SentenceError(OSError):
    """Something of the system's failed; ``str()`` is the sentence, the last of the arguments."""

    def __str__(self) -> str:
        """Return the sentence alone, without the errno that OSError puts before it."""
        return str(self.args[-1])
