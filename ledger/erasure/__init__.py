"""Erasure that keeps the proofs: an act carried out, and the epoch turned behind it."""
