"""What a verb of IRC and its parameters ask for: one function a verb, by subject.

Each takes a message that has as many parameters as the verb needs, none of them empty, and
returns a command. Names stay as they were typed: what they stand for, and whether it may be done,
is the hub's to say.
"""
