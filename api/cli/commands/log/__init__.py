"""`socai log …` for the operator: remember, discard, resume, recover."""
