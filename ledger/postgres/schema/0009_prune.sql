-- What may go of the tree (docs/operate/retention.md): partial tiles once a wider one says the same, and checkpoints that a later
-- one of the same day says again. So bytes grow with acts and with days, not with checkpoints.
--
-- What is gone · what may go · the prune · append-only · the log of reads · grants

-- == What is gone ==================================================================================================

-- Up to which size the tree was pruned, and how many checkpoints up to there were kept: from these two the audit knows what must
-- stand, and names whatever else is missing.
CREATE TABLE log.pruned (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  upto bigint NOT NULL CHECK (upto >= 0 AND upto % 256 = 0),
  kept bigint NOT NULL CHECK (kept BETWEEN 0 AND upto)
) WITH (fillfactor = 10);
INSERT INTO log.pruned VALUES (true, 0, 0);

-- == What may go ===================================================================================================

-- Whether the tiles that end a tree of this size stand, and each narrower one in the place of one of them begins it. A tile that
-- differs is evidence of something, whichever of the two is wrong: nothing goes there.
CREATE FUNCTION log.stands(_size bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  hashes bigint;
  at bigint;
  whole bytea;
BEGIN
  FOR lv IN 0 .. 7 LOOP
    EXIT WHEN _size % (1::bigint << (8 * lv)) <> 0;
    hashes := _size >> (8 * lv);
    at := (hashes - 1) / 256;
    SELECT t.data INTO whole FROM log.tiles t
      WHERE t.level = lv AND t.n = at AND t.width >= hashes - 256 * at ORDER BY t.width LIMIT 1;
    IF NOT FOUND OR EXISTS (
      SELECT FROM log.tiles t WHERE t.level = lv AND t.n = at AND t.width < hashes - 256 * at
        AND t.data <> substring(whole FROM 1 FOR octet_length(t.data))
    ) THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- Whether the next checkpoint is of the same day (UTC+7), by the time of the last record that each covers. One that a witness has signed
-- is never said again.
CREATE FUNCTION log.is_said_again(_size bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM log.cosignatures x WHERE x.size = _size) AND EXISTS (
    SELECT FROM log.records a, log.records b
    WHERE a.index = _size - 1 AND b.index = (SELECT min(c.size) FROM log.checkpoints c WHERE c.size > _size) - 1
      AND date_trunc('day', a.recorded_at + interval '7 hours', 'UTC') = date_trunc('day', b.recorded_at + interval '7 hours', 'UTC'))
$$;

-- == The prune =====================================================================================================

-- Prunes at most `_most` tiles' worth of records, each below the newest checkpoint. `more`: there is more to do at once. `apart`: a
-- tile behind `upto` is missing or has other bytes than a narrower one, and nothing goes from there on until it is mended. Whoever
-- calls it, and however often, gets no more than this.
CREATE FUNCTION log.prune(_most int) RETURNS TABLE (upto bigint, more boolean, apart boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  newest bigint;
  reach bigint;
BEGIN
  PERFORM FROM log.enclave FOR UPDATE;  -- as log.checkpoint: nobody stores a tile meanwhile
  SELECT p.upto INTO STRICT upto FROM log.pruned p FOR UPDATE;
  SELECT coalesce(max(c.size), 0) INTO newest FROM log.checkpoints c;
  apart := false;
  FOR step IN 1 .. least(_most, 256) LOOP
    reach := upto + 256;
    EXIT WHEN reach >= newest;
    apart := NOT log.stands(reach);
    EXIT WHEN apart;
    UPDATE log.pruned p SET upto = reach, kept = p.kept + (
      SELECT count(*) FROM log.checkpoints c WHERE c.size > p.upto AND c.size <= reach AND NOT log.is_said_again(c.size));
    FOR lv IN 0 .. 7 LOOP
      EXIT WHEN reach % (1::bigint << (8 * lv)) <> 0;
      DELETE FROM log.tiles t WHERE t.level = lv AND t.n = ((reach >> (8 * lv)) - 1) / 256 AND t.width < 256
        AND t.n * 256 + t.width < reach >> (8 * lv);
    END LOOP;
    DELETE FROM log.checkpoints c WHERE c.size > upto AND c.size <= reach AND log.is_said_again(c.size);
    upto := reach;
  END LOOP;
  more := NOT apart AND upto + 256 < newest;
  RETURN NEXT;
END $$;

-- == Append-only ===================================================================================================

-- What grants refuse to every login, these refuse to the owner too, as the triggers they take the place of.
CREATE FUNCTION log.keep_tile() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  hashes bigint := (SELECT p.upto FROM log.pruned p) >> (8 * OLD.level);
BEGIN
  IF OLD.width < 256 AND OLD.n * 256 + OLD.width < hashes AND EXISTS (
      SELECT FROM log.tiles t WHERE t.level = OLD.level AND t.n = OLD.n AND t.width >= least(256, hashes - OLD.n * 256)
        AND substring(t.data FROM 1 FOR octet_length(OLD.data)) = OLD.data) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION log.keep_checkpoint() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.size <= (SELECT p.upto FROM log.pruned p) AND log.is_said_again(OLD.size) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;

DROP TRIGGER append_only ON log.tiles;
DROP TRIGGER append_only ON log.checkpoints;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON log.tiles EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON log.checkpoints EXECUTE FUNCTION log.refuse();
CREATE TRIGGER keeps BEFORE DELETE ON log.tiles FOR EACH ROW EXECUTE FUNCTION log.keep_tile();
CREATE TRIGGER keeps BEFORE DELETE ON log.checkpoints FOR EACH ROW EXECUTE FUNCTION log.keep_checkpoint();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON log.pruned EXECUTE FUNCTION log.refuse();
CREATE TRIGGER grows BEFORE UPDATE ON log.pruned FOR EACH ROW WHEN (NEW.upto < OLD.upto OR NEW.kept < OLD.kept)
  EXECUTE FUNCTION log.refuse();

-- What goes leaves room that the next tiles and notes take: so little stands empty however long the log is.
ALTER TABLE log.tiles SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 512);
ALTER TABLE log.checkpoints SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 512);

-- == The log of reads ==============================================================================================

-- The same of its tree, by the same text, as in 0003.
CREATE TABLE access.pruned (LIKE log.pruned INCLUDING ALL) WITH (fillfactor = 10);
INSERT INTO access.pruned VALUES (true, 0, 0);
DO $$
DECLARE
  one regproc;
BEGIN
  FOREACH one IN ARRAY ARRAY['log.stands', 'log.is_said_again', 'log.keep_tile', 'log.keep_checkpoint', 'log.prune']::regproc[] LOOP
    EXECUTE replace(replace(pg_get_functiondef(one), 'log.enclave', 'access.gate'), 'log.', 'access.');
  END LOOP;
END $$;
DROP TRIGGER append_only ON access.tiles;
DROP TRIGGER append_only ON access.checkpoints;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON access.tiles EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON access.checkpoints EXECUTE FUNCTION access.refuse();
CREATE TRIGGER keeps BEFORE DELETE ON access.tiles FOR EACH ROW EXECUTE FUNCTION access.keep_tile();
CREATE TRIGGER keeps BEFORE DELETE ON access.checkpoints FOR EACH ROW EXECUTE FUNCTION access.keep_checkpoint();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON access.pruned EXECUTE FUNCTION access.refuse();
CREATE TRIGGER grows BEFORE UPDATE ON access.pruned FOR EACH ROW WHEN (NEW.upto < OLD.upto OR NEW.kept < OLD.kept)
  EXECUTE FUNCTION access.refuse();

ALTER TABLE access.tiles SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 512);
ALTER TABLE access.checkpoints SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 512);

-- == Grants ========================================================================================================

GRANT SELECT (one, upto, kept) ON log.pruned TO {slug}_projector, {slug}_auditor;
GRANT SELECT (one, upto, kept) ON access.pruned TO {slug}_projector, {slug}_auditor;
GRANT SELECT ON log.pruned, access.pruned TO {slug}_backup;
GRANT EXECUTE ON FUNCTION log.prune(int), access.prune(int) TO {slug}_checkpointer;
