"""Wiring, processes, sockets, readiness and databases of one enclave; knows no resource of HTTP."""
