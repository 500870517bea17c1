"""`socai key …` of the enclave's own keys: split, recover, the turn of an epoch."""
