"""IRC as a client speaks it, with the extensions of IRCv3 that a server has: all pure.

Bytes and orders come in, with the time; bytes and news go out. ``engine`` puts it together:
``negotiation`` and ``registration`` until one is there, ``rooms`` (who is where), ``outgoing`` and
``speaking`` (what one says, until the server has it), ``history`` and ``catching_up`` (what was
missed), ``answers`` (all else that a server says). ``session`` is what these share.
"""
