"""The API from outside: a client, its connection, and what it has seen of the log; no server."""
