"""The only place where ports meet adapters; the real clock and the real randomness."""
