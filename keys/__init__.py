"""Algorithms, keys and sealing; knows nothing of cases, acts, HTTP or the ledger's SQL."""
