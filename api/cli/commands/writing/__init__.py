"""Commands that record in one step: an act, what waits for a signature, registrars' acts."""
