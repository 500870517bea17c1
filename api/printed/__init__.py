"""Paper: a case as a PDF. Knows texts and what an answer says; not HTTP, not who may ask."""
