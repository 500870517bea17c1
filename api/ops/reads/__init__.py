"""The log of reads of an enclave, as its processes find it: where it lies, who notes in it."""
