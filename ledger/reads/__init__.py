"""Who read what under which act: the second log of an enclave (access.md §6)."""
