"""What chat-client keeps between two runs: its configuration, its history of input, its logs.

``places`` says where (XDG), ``config`` what the configuration may hold, ``wishes`` what follows
from it for one server; ``passwords`` fetches what may stand neither there nor on a command line;
``logbook`` writes rooms down, ``filing`` says into which files.
"""
