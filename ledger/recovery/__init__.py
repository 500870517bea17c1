"""A log that lost its tail: what was lost, the act that goes on, and what shows it to others."""
