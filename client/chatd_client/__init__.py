"""chat-client: talk to chatd, and to the lab's server, from a terminal or a pipe."""
