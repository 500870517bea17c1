-- Who takes part in which case (view `audience`): sec.audience, sec.members and sec.excluded, which ledger/postgres makes
-- (0002_access.sql), since the policies of its tables ask them. These lines are the shape of the rows: change them, and
-- the view starts anew with the next migration.
--
-- 1: principals of ledger/regulation/participation/principals.py; the widest row of each; ids of streams as of the log.
-- 2: as 1, and a desk for what waits in the author's own agency too.
SELECT;
