"""chat-client for scripts and plain terminals: lines or JSON in, lines or JSON out.

``loop`` waits for everything; a ``Script`` is what is done with it: ``plain`` and ``structured``.
``executing`` runs a command for each message.
"""
