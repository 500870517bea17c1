"""How a server gives itself away: base copies and its log of changes, by PostgreSQL's protocol."""
