-- A proof needs eight hashes of a full tile, and made the 255 over all of it to have them. With its middle nodes, sixteen hashes and
-- thirty nodes are enough (ADR 92).
--
-- Middles · the tiles that stand · the log of reads · grants

-- == Middles =======================================================================================================

-- The sixteen nodes in the middle of a full tile, each over sixteen of its hashes (RFC 9162 §2.1.1).
CREATE FUNCTION log.middles(_data bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  made bytea := _data;
BEGIN
  FOR height IN 1 .. 4 LOOP
    SELECT string_agg(sha256('\x01'::bytea || substring(made FROM 64 * z.i + 1 FOR 64)), ''::bytea ORDER BY z.i) INTO made
      FROM generate_series(0, (256 >> height) - 1) AS z (i);
  END LOOP;
  RETURN made;
END $$;

CREATE FUNCTION log.find_middles() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.middles := CASE WHEN NEW.width = 256 THEN log.middles(NEW.data) END;
  RETURN NEW;
END $$;

-- Nothing is believed that stands there: a proof is held to the signed root, and one that middles do not give is made of the tile.
ALTER TABLE log.tiles ADD COLUMN middles bytea;
ALTER TABLE log.tiles ALTER COLUMN middles SET STORAGE EXTERNAL;  -- hashes do not compress
CREATE TRIGGER middles BEFORE INSERT ON log.tiles FOR EACH ROW EXECUTE FUNCTION log.find_middles();

-- == The tiles that stand ==========================================================================================

-- Their hashes stay where they are: a value that lies apart is not written again.
ALTER TABLE log.tiles DISABLE TRIGGER append_only;
UPDATE log.tiles SET middles = log.middles(data) WHERE width = 256;
ALTER TABLE log.tiles ENABLE TRIGGER append_only;

-- == The log of reads ==============================================================================================

-- The same of its tree, by the same text, as in 0003.
DO $$
DECLARE
  one regproc;
BEGIN
  FOREACH one IN ARRAY ARRAY['log.middles', 'log.find_middles']::regproc[] LOOP
    EXECUTE replace(pg_get_functiondef(one), 'log.', 'access.');
  END LOOP;
END $$;
ALTER TABLE access.tiles ADD COLUMN middles bytea;
ALTER TABLE access.tiles ALTER COLUMN middles SET STORAGE EXTERNAL;
CREATE TRIGGER middles BEFORE INSERT ON access.tiles FOR EACH ROW EXECUTE FUNCTION access.find_middles();
ALTER TABLE access.tiles DISABLE TRIGGER append_only;
UPDATE access.tiles SET middles = access.middles(data) WHERE width = 256;
ALTER TABLE access.tiles ENABLE TRIGGER append_only;

-- == Grants ========================================================================================================

-- Whoever reads tiles may read what is made of them.
GRANT SELECT (middles) ON log.tiles TO {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (middles) ON access.tiles TO {slug}_checkpointer, {slug}_projector, {slug}_auditor;
