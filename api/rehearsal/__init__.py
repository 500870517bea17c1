"""Plays: a cast acts scenarios against a ledger; the tampering drill. Never in production."""
