-- The append is planned once a connection and not with every call (architecture.md §3.4): it does what it did by 0001.
--
-- What it looks up of an item is one row by a key. With the group before it the planner finds that a trifle cheaper than without,
-- plans it anew for every item, and takes longer for that than for the looking up: a fifth to a quarter of what the database spends
-- on an act. A plan that stays is of a log that may have been empty when it was made, so it never goes through a whole table.
ALTER FUNCTION log.append SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION log.append SET enable_seqscan = off;
