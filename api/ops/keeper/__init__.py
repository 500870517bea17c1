"""The keeper as a process: what it listens on, and how it is asked."""
