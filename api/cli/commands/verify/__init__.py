"""Verification in bulk, checked by the client, and the sign-off of what was checked."""
