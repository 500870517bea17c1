-- Run by the administrator, a superuser or who makes roles and databases, in the enclave's database by every installation; says the same thing twice without harm.
-- access.md §3: the database belongs to {slug}_owner (NOLOGIN), nobody else may come in unnamed, and proj belongs to
-- {slug}_views (NOLOGIN): whoever owned a table there could put a function in its place, which the API would run as
-- reader. The projector reads and writes rows; tables are made by `migrate` alone.

-- Who had the migrator's login may have given more, and to others: to come in, or to make schemas, where a login's names are looked up;
-- and so may whoever was given it, without whose gifts taken back nothing is.
REVOKE ALL ON DATABASE {dbname} FROM PUBLIC, {slug}_migrator, {slug}_writer, {slug}_checkpointer, {slug}_projector,
  {slug}_reader, {slug}_auditor, {slug}_backup, {slug}_keeper, {slug}_vault, {slug}_publisher, {slug}_importer, {slug}_public,
  {slug}_archiver CASCADE;
DO $$
DECLARE
  given name;
BEGIN
  FOR given IN
    SELECT DISTINCT pg_get_userbyid(a.grantee) FROM pg_database d, aclexplode(d.datacl) a
    WHERE d.datname = current_database() AND a.grantee NOT IN (0, d.datdba)
  LOOP
    EXECUTE format('REVOKE ALL ON DATABASE {dbname} FROM %I CASCADE', given);
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'whoever else was let into the database may enter it still: let a superuser run socai migrate';
END $$;
GRANT CONNECT ON DATABASE {dbname} TO {slug}_migrator, {slug}_writer, {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor,
  {slug}_backup, {slug}_keeper, {slug}_vault, {slug}_publisher,
  {slug}_importer, {slug}_public;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS log AUTHORIZATION {slug}_owner;
CREATE SCHEMA IF NOT EXISTS sec AUTHORIZATION {slug}_owner;
CREATE SCHEMA IF NOT EXISTS r AUTHORIZATION {slug}_owner;
CREATE SCHEMA IF NOT EXISTS proj AUTHORIZATION {slug}_views;
ALTER DEFAULT PRIVILEGES FOR ROLE {slug}_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE {slug}_views REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA proj TO {slug}_owner, {slug}_writer, {slug}_projector, {slug}_reader, {slug}_public;
ALTER DEFAULT PRIVILEGES FOR ROLE {slug}_views IN SCHEMA proj
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {slug}_projector;
ALTER DEFAULT PRIVILEGES FOR ROLE {slug}_views IN SCHEMA proj GRANT SELECT ON TABLES TO {slug}_reader;

-- Any login may change its own password and what its next sessions begin with, and nothing takes that from it: whoever
-- has stolen one can lock it out. An installation puts both back. A name means what the server means by it, whatever the
-- database's owner set or made: the migrator becomes the owner.
DO $$
DECLARE
  login text;
BEGIN
  FOREACH login IN ARRAY ARRAY['migrator', 'writer', 'checkpointer', 'projector', 'reader', 'auditor', 'backup', 'keeper', 'vault',
      'publisher', 'importer', 'public'] LOOP
    EXECUTE format('ALTER ROLE %I RESET ALL', '{slug}_' || login);
    EXECUTE format('ALTER ROLE %I IN DATABASE {dbname} RESET ALL', '{slug}_' || login);
    EXECUTE format('ALTER ROLE %I SET search_path = pg_catalog, pg_temp', '{slug}_' || login);
  END LOOP;
END $$;

-- PF1: what a session sets would outlive it under a pooler; time-outs are the login's own.
ALTER ROLE {slug}_writer SET statement_timeout = '15s';
ALTER ROLE {slug}_writer SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE {slug}_checkpointer SET statement_timeout = '30s';
ALTER ROLE {slug}_vault SET statement_timeout = '15s';
ALTER ROLE {slug}_publisher SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE {slug}_importer SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE {slug}_keeper SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE {slug}_public SET statement_timeout = '5s';
ALTER ROLE {slug}_public SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE {slug}_reader SET statement_timeout = '30s';
ALTER ROLE {slug}_reader SET idle_in_transaction_session_timeout = '60s';
-- Planning a page of a list costs more than fetching it, policies and all. What depends on the values that are asked for says
-- so in its transaction (projections/views/base.py).
ALTER ROLE {slug}_reader SET plan_cache_mode = force_generic_plan;
-- What policies look up is asked for at every question and lies in memory: a page out of order costs what the next one does.
ALTER ROLE {slug}_reader SET random_page_cost = 1.1;
-- Views are disposable: a position and its rows are lost together or not at all.
ALTER ROLE {slug}_projector SET synchronous_commit = off;
-- A generation that is being built is empty to the server until it has counted it: planned for that generation by its number, the
-- row of one key is looked for among all of its rows.
ALTER ROLE {slug}_projector SET plan_cache_mode = force_generic_plan;

-- What a sort or a cursor puts aside lies on the disk of the log. Who makes no table and keeps no view puts aside four gigabytes in a
-- session, and no session lifts that itself.
DO $$
DECLARE
  login text;
BEGIN
  FOREACH login IN ARRAY ARRAY['writer', 'checkpointer', 'reader', 'auditor', 'backup', 'keeper', 'vault', 'publisher', 'importer',
      'public'] LOOP
    EXECUTE format('ALTER ROLE %I SET temp_file_limit = ''4GB''', '{slug}_' || login);
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'who has a login may fill the disk of the database: let a superuser run socai migrate';
END $$;

-- A dump needs every row, whatever a policy shows. A server that keeps this attribute to itself has no such dump: pg_dump
-- then says so, and ends.
DO $$
BEGIN
  ALTER ROLE {slug}_backup BYPASSRLS;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING '{slug}_backup may not pass by row policies: dump as the owner of the server';
END $$;

-- A base copy and the WAL are the whole cluster, in the open what the views hold in the open: who takes them enters no
-- database, and can do nothing else (access.md G21).
DO $$
BEGIN
  ALTER ROLE {slug}_archiver REPLICATION;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING '{slug}_archiver may not replicate: back up by the means of the server''s owner';
END $$;
DO $$
BEGIN
  ALTER ROLE {slug}_archiver RESET ALL;
  ALTER ROLE {slug}_archiver IN DATABASE {dbname} RESET ALL;
  ALTER ROLE {slug}_archiver SET search_path = pg_catalog, pg_temp;
  ALTER ROLE {slug}_archiver CONNECTION LIMIT 8;
EXCEPTION WHEN insufficient_privilege THEN  -- before 16 a superuser alone alters a role that replicates
  RAISE WARNING '{slug}_archiver is left as it is: let a superuser run socai migrate';
END $$;

-- The belt (access.md L5, L6): in one cluster these would tell one enclave of another's pace, and whoever may ask for a lock
-- can hold it. By pattern and not by name, since another function always told what one was forbidden to: transaction ids, WAL
-- positions, statistics, sizes, locks, advisory locks; a large object is a row that nobody granted, and whoever has a login may end
-- each session of it, those of the process whose login it is. What PUBLIC has not is passed over: a server that keeps its functions
-- to itself would refuse to be asked, where it only warns of the others.
DO $$
DECLARE
  known regclass;
  callable regprocedure;
BEGIN
  FOR known IN
    SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
      AND (c.relname ~ '^pg_(stat_|statio_|stats|replication_|prepared_xacts|locks|sequences|shmem|aios)'
        OR c.relname IN ('pg_database', 'pg_roles', 'pg_user', 'pg_group', 'pg_auth_members', 'pg_db_role_setting',
          'pg_shdepend', 'pg_shdescription', 'pg_shseclabel', 'pg_tablespace'))
      AND has_table_privilege('public', c.oid, 'SELECT')
  LOOP
    EXECUTE format('REVOKE SELECT ON %s FROM PUBLIC', known);
  END LOOP;
  FOR callable IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ (
      '^(txid_|pg_(current|last)_(wal|xact|snapshot|committed)|pg_control_|pg_wal|pg_snapshot_|pg_xact_|pg_visible_in'
      || '|pg_ls_|pg_prepared_xact|pg_export_snapshot|pg_(available|is)_wal|pg_logical_|pg_notification_queue|pg_sequence_last'
      || '|pg_get_(wal|multixact)|pg_([a-z]+_)*replication_|pg_tablespace_databases|pg_isolation_test'
      || '|pg_stat_|pg_(table|indexes|relation|total_relation|database|tablespace)_size|pg_(lock_status|blocking_pids)'
      || '|pg_safe_snapshot|pg_(try_)?advisory_|(mxid_)?age$|lo_(creat|create|from_bytea)$|pg_(cancel|terminate)_backend$)')
      AND has_function_privilege('public', p.oid, 'EXECUTE')
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', callable);
  END LOOP;
END $$;
-- Comparisons that the server calls leakproof are asked before a row policy, and a plan, or how long an answer takes, tells of how
-- many hidden rows they were true: whoever has the reader's login would read a hidden text by halves. So of what is text or
-- bytes none is called so here but whether two texts are one: by that a row is looked up, and nothing is learnt but by a guess.
DO $$
DECLARE
  telling regprocedure;
BEGIN
  FOR telling IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proleakproof
      AND EXISTS (SELECT FROM unnest(p.proargtypes) a WHERE a IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype,
        'bytea'::regtype))
      AND ('bytea'::regtype = ANY (p.proargtypes::oid[])
        OR NOT EXISTS (SELECT FROM pg_operator o WHERE o.oprcode = p.oid AND o.oprname IN ('=', '<>')))
  LOOP
    EXECUTE format('ALTER FUNCTION %s NOT LEAKPROOF', telling);
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'hidden texts can be asked for by whoever has the reader''s login: let a superuser run socai migrate';
END $$;
-- An audit reads in several processes, holds the roles to what is shipped, and says which database a login may enter. What
-- sweeps the queue of notifications (log.sweep_notices) runs as nobody who logs in. A dump asks for some, whatever it is of.
-- Where the belt is not fastened everybody has these; where a superuser fastened it, whoever is none cannot loosen it.
DO $$
DECLARE
  lent text;
BEGIN
  FOREACH lent IN ARRAY ARRAY[
    'EXECUTE ON FUNCTION pg_export_snapshot() TO {slug}_projector, {slug}_auditor',
    'SELECT ON pg_database, pg_roles, pg_auth_members, pg_db_role_setting TO {slug}_projector, {slug}_auditor',
    'EXECUTE ON FUNCTION pg_notification_queue_usage() TO {slug}_owner',
    'SELECT ON pg_database, pg_roles, pg_db_role_setting, pg_tablespace, pg_shdescription, pg_shseclabel TO {slug}_backup'
  ] LOOP
    EXECUTE 'GRANT ' || lent;
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'a superuser has fastened the belt of this server: let one run socai migrate';
END $$;

-- What watches the server is in pg_monitor, which the belt has taken the views of statistics from: they go back to it, with the
-- functions that they call, and it may come in. It reads figures of the server, and no table of the enclave; what planners
-- know of values (pg_stats) is no figure. In one cluster it sees the pace of each enclave, as its operator does.
GRANT CONNECT ON DATABASE {dbname} TO pg_monitor;
DO $$
DECLARE
  known regclass;
  callable regprocedure;
BEGIN
  FOR known IN
    SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
      AND (c.relname ~ '^pg_(stat_|statio_|replication_|prepared_xacts|locks)' OR c.relname IN ('pg_database', 'pg_tablespace'))
      AND NOT has_table_privilege('pg_monitor', c.oid, 'SELECT')
      AND has_table_privilege(c.oid, 'SELECT WITH GRANT OPTION')
  LOOP
    EXECUTE format('GRANT SELECT ON %s TO pg_monitor', known);
  END LOOP;
  FOR callable IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ (
      '^(pg_stat_get_|pg_(current|last)_wal|pg_control_|pg_wal_lsn_diff$|pg_lock_status$|pg_prepared_xact$|pg_blocking_pids$'
      || '|pg_get_(wal|replication_slots)|pg_show_replication_origin_status$'
      || '|pg_(table|indexes|relation|total_relation|database|tablespace)_size$|(mxid_)?age$)')
      AND NOT has_function_privilege('pg_monitor', p.oid, 'EXECUTE')
      AND has_function_privilege(p.oid, 'EXECUTE WITH GRANT OPTION')
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_monitor', callable);
  END LOOP;
END $$;

-- A login takes no more of the server's connections than its task needs, so that whoever has one leaves some to the others: an
-- audit has one for each process, and each worker of the API two for what everybody may read. Those that serve officers and keep
-- the views (reader, writer, projector) have as many as the server is told to serve by.
DO $$
DECLARE
  login text;
BEGIN
  FOREACH login IN ARRAY ARRAY['migrator', 'checkpointer', 'auditor', 'backup', 'keeper', 'vault', 'publisher', 'importer', 'public'] LOOP
    EXECUTE format('ALTER ROLE %I CONNECTION LIMIT 64', '{slug}_' || login);
  END LOOP;
END $$;
