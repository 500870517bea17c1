"""Backups of an enclave's cluster: taken, kept sealed, let go, and brought back."""
