"""What a worker cannot do any more once it has its client: the walls around it.

A worker parses what strangers send. Should one of them take it over, it can use what the process
may do; so it may do next to nothing. ``walls`` builds them up, in an order in which none is in the
way of the next; ``seccomp`` is the filter for system calls, ``landlock`` that for files, networks
and signals; ``syscalls`` has the numbers.
"""
