"""For whoever reads: cases, work, figures, keys. Every answer comes from the API."""
