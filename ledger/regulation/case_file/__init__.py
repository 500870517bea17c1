"""The case file as it is read: what follows from a case, rendered for people."""
