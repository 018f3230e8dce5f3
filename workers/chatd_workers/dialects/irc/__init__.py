"""IRC, as modern clients speak it: modern.ircdocs.horse, RFC 1459, RFC 2812, IRCv3. chatd-irc(7).

``grammar`` is a line as data, ``modes`` and ``masks`` what stands in its parameters, ``reader``
makes commands of lines, ``writer`` makes lines of events.
"""
