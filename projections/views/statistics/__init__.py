"""Counts and indicators, and the events that they count."""
