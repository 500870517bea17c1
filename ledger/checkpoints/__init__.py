"""Signed checkpoints: making them, proving by them, and remembering the newest one seen."""
