-- The keeper as a process (access.md U3, U4, G8): above ordinary a wrap is opened against a committed row of the log of reads,
-- once, and what was opened is held against what was noted.
--
-- Opens · reckonings · append-only · grants

-- == Opens =========================================================================================================

-- Which row was opened against, and how many wraps. One row opens once: whoever sends it again is refused by the key.
CREATE TABLE access.opens (
  row bigint PRIMARY KEY CHECK (row > 0),
  opened int NOT NULL CHECK (opened > 0)
);

-- == Reckonings ====================================================================================================

-- Up to which row opens and rows were held against each other, and what came of it. A row before `upto` opens nothing any more:
-- `lapsed` counts what was noted and never opened, as where a process was killed between the two. Nothing is reckoned where they
-- differ, until an operator says that they know (`differed`).
CREATE TABLE access.reckonings (
  upto bigint PRIMARY KEY CHECK (upto >= 0),
  at timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (isfinite(at)),
  opened bigint NOT NULL CHECK (opened >= 0),
  lapsed bigint NOT NULL CHECK (lapsed >= 0),
  differed boolean NOT NULL
);

-- Takes a row, before anything is opened against it; false where it was taken, is reckoned, or is not there. Not flushed before
-- the answer: what a server that fell has forgotten is found when opens and rows are reckoned, and no row outlives that.
CREATE FUNCTION access.take_row(_row bigint, _opened int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET synchronous_commit = off AS $$
BEGIN
  INSERT INTO access.opens (row, opened) SELECT _row, _opened
    WHERE _row >= coalesce((SELECT max(k.upto) FROM access.reckonings k), 0)
      AND _row < (SELECT h.size FROM access.log_head h)
    ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

CREATE FUNCTION access.reckon(_upto bigint, _opened bigint, _lapsed bigint, _differed boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO access.reckonings (upto, opened, lapsed, differed) SELECT _upto, _opened, _lapsed, _differed
    WHERE _upto > coalesce((SELECT max(k.upto) FROM access.reckonings k), -1)
      AND _upto <= (SELECT h.size FROM access.log_head h);
  RETURN FOUND;
END $$;

-- == Append-only ===================================================================================================

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.opens EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.reckonings EXECUTE FUNCTION access.refuse();

-- == Grants ========================================================================================================

-- The keeper reads rows of the log of reads, which say whose read of what they are, and no record of the log of acts but what it
-- is wrapped for.
GRANT SELECT (index, seq, stream_id, recorded_at, act_id, author, topic, entry, state, unit, registry)
  ON access.records TO {slug}_keeper;
GRANT SELECT (stream_id, name) ON access.streams TO {slug}_keeper;
GRANT SELECT (one, size) ON access.log_head TO {slug}_keeper;
GRANT SELECT (unit) ON log.records TO {slug}_keeper;
GRANT SELECT (unit) ON mirror.records TO {slug}_keeper;
GRANT SELECT (row, opened) ON access.opens TO {slug}_keeper, {slug}_projector, {slug}_auditor;
GRANT SELECT (upto, at, opened, lapsed, differed) ON access.reckonings
  TO {slug}_keeper, {slug}_projector, {slug}_auditor;
GRANT SELECT ON access.opens, access.reckonings TO {slug}_backup;  -- a dump asks for the whole table
GRANT EXECUTE ON FUNCTION access.take_row(bigint, int), access.reckon(bigint, bigint, bigint, boolean) TO {slug}_keeper;
