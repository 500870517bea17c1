"""What resources share: the enclave served, moments, filters, and how things are written."""
