"""What the epoch of an enclave needs of the machine: its turn, and a turn that is given up."""
