"""Surviving the master: a parent process that shares its descriptor table (``supervisor``)."""
