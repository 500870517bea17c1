"""Whether one process of the enclave does its work."""
