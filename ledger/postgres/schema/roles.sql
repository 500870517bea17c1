-- Run as superuser in the enclave's database by every installation; says the same thing twice without harm.
-- access.md §3: the database belongs to {slug}_owner (NOLOGIN), nobody else may come in unnamed, and proj belongs to
-- {slug}_views (NOLOGIN): whoever owned a table there could put a function in its place, which the API would run as
-- reader. The projector reads and writes rows; tables are made by `migrate` alone.

REVOKE ALL ON DATABASE {dbname} FROM PUBLIC;
GRANT CONNECT ON DATABASE {dbname} TO {slug}_migrator, {slug}_writer, {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS log AUTHORIZATION {slug}_owner;
CREATE SCHEMA IF NOT EXISTS sec AUTHORIZATION {slug}_owner;
CREATE SCHEMA IF NOT EXISTS proj AUTHORIZATION {slug}_views;
ALTER DEFAULT PRIVILEGES FOR ROLE {slug}_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE {slug}_views REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA proj TO {slug}_projector, {slug}_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE {slug}_views IN SCHEMA proj
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {slug}_projector;
ALTER DEFAULT PRIVILEGES FOR ROLE {slug}_views IN SCHEMA proj GRANT SELECT ON TABLES TO {slug}_reader;

-- Any login may change its own password and what its next sessions begin with, and nothing takes that from it: whoever
-- has stolen one can lock it out. An installation puts both back.
DO $$
DECLARE
  login text;
BEGIN
  FOREACH login IN ARRAY ARRAY['migrator', 'writer', 'checkpointer', 'projector', 'reader', 'auditor'] LOOP
    EXECUTE format('ALTER ROLE %I RESET ALL', '{slug}_' || login);
    EXECUTE format('ALTER ROLE %I IN DATABASE {dbname} RESET ALL', '{slug}_' || login);
  END LOOP;
END $$;

-- PF1: what a session sets would outlive it under a pooler; time-outs are the login's own.
ALTER ROLE {slug}_writer SET statement_timeout = '15s';
ALTER ROLE {slug}_writer SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE {slug}_checkpointer SET statement_timeout = '30s';
ALTER ROLE {slug}_reader SET statement_timeout = '30s';
ALTER ROLE {slug}_reader SET idle_in_transaction_session_timeout = '60s';
-- Views are disposable: a position and its rows are lost together or not at all.
ALTER ROLE {slug}_projector SET synchronous_commit = off;

-- The belt: in one cluster these would tell one enclave of another's pace (access.md L5, L6).
REVOKE SELECT ON pg_stat_all_tables, pg_stat_user_tables, pg_statio_user_tables, pg_stat_database,
  pg_stat_activity, pg_locks, pg_sequences FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_relation_size(regclass), pg_total_relation_size(regclass), pg_database_size(oid),
  pg_current_wal_lsn(), txid_current(), pg_current_xact_id(), pg_current_snapshot() FROM PUBLIC;

-- The views above are made of functions that anybody may call; a large object is a row that nobody granted; and what
-- any login may lock, any login can hold. Nothing of ours waits for an advisory lock: this is the second line.
DO $$
DECLARE
  callable regprocedure;
BEGIN
  FOR callable IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND (p.proname LIKE 'pg\_stat\_get\_%' OR p.proname ~ '^pg_(try_)?advisory_' OR p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea'))
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', callable);
  END LOOP;
END $$;

-- A login that only looks takes no more of the server's connections than a look needs: an audit has one for each process.
ALTER ROLE {slug}_auditor CONNECTION LIMIT 64;
