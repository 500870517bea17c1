"""`socai registry`: agencies, officers, keys and instruments looked at, and agencies entered."""
