"""chatd's workers: each serves one client, and can die at any instant."""

__version__ = "0.1.0"
"""The version of all of chatd; pyproject.toml reads it here."""
