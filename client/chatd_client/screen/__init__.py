"""The face of chat-client on a terminal: windows, a line to type in, and nobody else's control.

``run`` is all that others call. Pure: ``cells`` (what may be shown, and how wide it is),
``transcript``, ``windows`` (what happened where), ``rows`` (how a line is laid out), ``viewport``
(which of it is seen), ``slash`` (commands). On prompt_toolkit: ``view``, ``keys``, ``app``.
"""
