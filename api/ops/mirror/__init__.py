"""The mirror's files, keys and processes: what is published below, what is taken in above."""
