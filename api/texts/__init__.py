"""Texts in both languages, and the words for codes and columns; knows nothing else."""
