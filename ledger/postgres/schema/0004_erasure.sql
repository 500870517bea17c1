-- Erasure that keeps the proofs, and the turn of the epoch (access.md A20, A21, G8, K8, K9; formats.md §5).
--
-- Epochs · what was shredded · wraps go and move · shred · re-wrap · the turn · grants

-- == Epochs ========================================================================================================

-- A KEK in the place of another: which, since when, and how many wraps there were on both sides. While `closed_at` is null
-- wraps of both are read; afterwards none is taken under the old one. It does its work once the old key is destroyed where it
-- lay, and pages, statistics and WAL are written anew (`wal_swept`: false where the server keeps its checkpoints to itself).
CREATE TABLE log.epochs (
  kek_id bytea PRIMARY KEY CHECK (octet_length(kek_id) = 16),
  before bytea NOT NULL UNIQUE CHECK (octet_length(before) = 16 AND before <> kek_id),
  begun_at timestamptz NOT NULL CHECK (isfinite(begun_at)),
  wraps_before bigint NOT NULL CHECK (wraps_before >= 0),
  moved bigint NOT NULL DEFAULT 0,
  closed_at timestamptz CHECK (isfinite(closed_at)),
  wraps_after bigint CHECK (wraps_after >= 0),
  left_behind bigint CHECK (left_behind >= 0),
  destroyed_at timestamptz CHECK (isfinite(destroyed_at)),
  swept_at timestamptz CHECK (isfinite(swept_at)),
  wal_swept boolean,
  CONSTRAINT epochs_destroyed CHECK (destroyed_at IS NULL OR closed_at IS NOT NULL),
  CONSTRAINT epochs_swept CHECK ((swept_at IS NULL) = (wal_swept IS NULL) AND (swept_at IS NULL OR destroyed_at IS NOT NULL)),
  CONSTRAINT epochs_closed CHECK ((closed_at IS NULL) = (wraps_after IS NULL) AND (closed_at IS NULL) = (left_behind IS NULL))
) WITH (fillfactor = 50);
-- one turn at a time
CREATE UNIQUE INDEX epochs_open ON log.epochs ((true)) WHERE closed_at IS NULL;

-- Turns that were given up, since the new KEK was lost before they were over: everything that had moved stands as it stood
-- before, and `left_behind` wraps were under the lost one alone. Whoever finds it again begins the same turn again.
CREATE TABLE log.epochs_given_up (
  kek_id bytea NOT NULL CHECK (octet_length(kek_id) = 16),
  before bytea NOT NULL CHECK (octet_length(before) = 16 AND before <> kek_id),
  begun_at timestamptz NOT NULL CHECK (isfinite(begun_at)),
  given_up_at timestamptz NOT NULL CHECK (isfinite(given_up_at)),
  wraps_before bigint NOT NULL CHECK (wraps_before >= 0),
  left_behind bigint NOT NULL CHECK (left_behind >= 0),
  PRIMARY KEY (kek_id, begun_at)
);

-- Whether the turn to this KEK was given up, and not begun again since.
CREATE FUNCTION log.is_given_up(_kek bytea) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM log.epochs_given_up g WHERE g.kek_id = _kek)
    AND NOT EXISTS (SELECT FROM log.epochs e WHERE e.kek_id = _kek)
$$;

-- What stood where a wrap has moved, until its turn is over: what took its place is opened before, and where it does not open
-- this goes back. Of a record or a read its index, of a file name and position, of what was taken in origin and index.
CREATE TABLE log.wraps_aside (
  of text NOT NULL CHECK (of IN ('record', 'read', 'file', 'file_key', 'mirrored')),
  origin text NOT NULL DEFAULT '',
  name uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  index bigint NOT NULL DEFAULT 0,
  wrap bytea NOT NULL CHECK (octet_length(wrap) = 77),
  PRIMARY KEY (of, origin, name, index)
);
ALTER TABLE log.wraps_aside ALTER COLUMN wrap SET STORAGE MAIN;

-- Whether this wrap stood in the place of a row before it moved.
CREATE FUNCTION log.stood_there(_of text, _row jsonb, _wrap bytea) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM log.wraps_aside a WHERE a.of = _of AND a.origin = coalesce(_row->>'origin', '')
    AND a.name = coalesce((_row->>'name')::uuid, '00000000-0000-0000-0000-000000000000')
    AND a.index = coalesce((_row->>'index')::bigint, (_row->>'seq')::bigint, 0) AND a.wrap = _wrap)
$$;

-- == What was shredded =============================================================================================

-- Each act of erasure that was carried out, once. What went is in the two tables behind it, so that whoever deletes sealed
-- files, or looks for what may be gone, need not open anything.
CREATE TABLE log.shreds (
  act_id uuid PRIMARY KEY,
  index bigint NOT NULL CHECK (index > 0),
  at timestamptz NOT NULL CHECK (isfinite(at)),
  keks bytea[] NOT NULL,
  records int NOT NULL CHECK (records >= 0),
  files int NOT NULL CHECK (files >= 0),
  reporters int NOT NULL CHECK (reporters >= 0),
  gone_before bigint[] NOT NULL  -- what it names and an earlier act had erased
);
CREATE TABLE log.shredded (
  index bigint PRIMARY KEY CHECK (index > 0),
  act_id uuid NOT NULL
);
CREATE TABLE log.shredded_files (
  name uuid PRIMARY KEY,
  act_id uuid NOT NULL
);

-- == Wraps go and move =============================================================================================

-- A wrap goes where a shred names its record or its file, and for nothing else, but for a key of the files that a turn which was
-- given up took with it; it moves to the KEK whose turn it is, and stays that record's. What grants refuse to every login, this refuses to the owner too, as the triggers it takes the place of.
CREATE FUNCTION log.keep_wrap() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF TG_TABLE_NAME = 'wraps' AND EXISTS (SELECT FROM log.shredded s WHERE s.index = (to_jsonb(OLD)->>'index')::bigint)
    THEN RETURN OLD; END IF;
    IF TG_TABLE_NAME = 'file_wraps' AND EXISTS (SELECT FROM log.shredded_files s WHERE s.name = (to_jsonb(OLD)->>'name')::uuid)
    THEN RETURN OLD; END IF;
    IF TG_TABLE_NAME = 'file_key' AND log.is_given_up(substring(OLD.wrap FROM 2 FOR 16)) THEN RETURN OLD; END IF;
  ELSIF to_jsonb(NEW) - 'wrap' - 'kek_id' = to_jsonb(OLD) - 'wrap' - 'kek_id'
    AND octet_length(NEW.wrap) = 77 AND substring(NEW.wrap FROM 1 FOR 1) = '\x01'
    AND EXISTS (SELECT FROM log.epochs e WHERE e.closed_at IS NULL
      AND (e.kek_id = substring(NEW.wrap FROM 2 FOR 16) AND e.before = substring(OLD.wrap FROM 2 FOR 16)
        OR log.stood_there(TG_ARGV[0], to_jsonb(OLD), NEW.wrap)))
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;

DROP TRIGGER append_only ON log.wraps;
DROP TRIGGER append_only ON log.file_wraps;
DROP TRIGGER append_only ON log.file_key;
CREATE TRIGGER append_only BEFORE TRUNCATE ON log.wraps EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE TRUNCATE ON log.file_wraps EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE TRUNCATE ON log.file_key EXECUTE FUNCTION log.refuse();
CREATE TRIGGER keeps BEFORE UPDATE OR DELETE ON log.wraps FOR EACH ROW EXECUTE FUNCTION log.keep_wrap('record');
CREATE TRIGGER keeps BEFORE UPDATE OR DELETE ON log.file_wraps FOR EACH ROW EXECUTE FUNCTION log.keep_wrap('file');
CREATE TRIGGER keeps BEFORE UPDATE OR DELETE ON log.file_key FOR EACH ROW EXECUTE FUNCTION log.keep_wrap('file_key');

-- What stands aside stays until its turn is over, its key is shredded, or it stands in its place again; nothing of it is edited.
CREATE FUNCTION log.keep_aside() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  free boolean := NOT EXISTS (SELECT FROM log.epochs e WHERE e.closed_at IS NULL);
BEGIN
  IF free THEN RETURN OLD; END IF;
  CASE OLD.of
    WHEN 'record' THEN
      free := EXISTS (SELECT FROM log.shredded s WHERE s.index = OLD.index)
        OR EXISTS (SELECT FROM log.wraps w WHERE w.index = OLD.index AND w.wrap = OLD.wrap);
    WHEN 'read' THEN
      free := EXISTS (SELECT FROM access.wraps w WHERE w.index = OLD.index AND w.wrap = OLD.wrap);
    WHEN 'file' THEN
      free := EXISTS (SELECT FROM log.shredded_files s WHERE s.name = OLD.name)
        OR EXISTS (SELECT FROM log.file_wraps w WHERE w.name = OLD.name AND w.seq = OLD.index AND w.wrap = OLD.wrap);
    WHEN 'mirrored' THEN
      free := EXISTS (SELECT FROM mirror.erased e WHERE e.origin = OLD.origin AND e.index = OLD.index)
        OR EXISTS (SELECT FROM mirror.wraps w WHERE w.origin = OLD.origin AND w.index = OLD.index AND w.wrap = OLD.wrap);
    ELSE
      free := EXISTS (SELECT FROM log.file_key k WHERE k.wrap = OLD.wrap);
  END CASE;
  IF free THEN RETURN OLD; END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON log.wraps_aside EXECUTE FUNCTION log.refuse();
CREATE TRIGGER keeps BEFORE DELETE ON log.wraps_aside FOR EACH ROW EXECUTE FUNCTION log.keep_aside();

-- Nothing is wrapped any more under a KEK whose turn is over, or was given up: its key is gone, and so the content would be.
-- Whoever still had it takes the one in force and tries again. Nor does a file that was shredded get another event.
CREATE FUNCTION log.refuse_closed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM fresh f JOIN log.epochs e ON e.before = f.kek_id WHERE e.closed_at IS NOT NULL)
      OR EXISTS (SELECT FROM fresh f JOIN log.epochs_given_up g ON g.kek_id = f.kek_id WHERE log.is_given_up(f.kek_id)) THEN
    RAISE EXCEPTION 'the epoch of this key is over' USING ERRCODE = 'lock_not_available';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER in_force AFTER INSERT ON log.wraps REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_closed();
CREATE TRIGGER in_force AFTER INSERT ON log.file_wraps REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_closed();

-- The same of the log of reads, of which nothing is erased.
CREATE FUNCTION access.keep_wrap() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'wrap' - 'kek_id' = to_jsonb(OLD) - 'wrap' - 'kek_id'
      AND octet_length(NEW.wrap) = 77 AND substring(NEW.wrap FROM 1 FOR 1) = '\x01'
      AND EXISTS (SELECT FROM log.epochs e WHERE e.closed_at IS NULL
        AND (e.kek_id = substring(NEW.wrap FROM 2 FOR 16) AND e.before = substring(OLD.wrap FROM 2 FOR 16)
          OR log.stood_there(TG_ARGV[0], to_jsonb(OLD), NEW.wrap)))
    THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;
DROP TRIGGER append_only ON access.wraps;
CREATE TRIGGER append_only BEFORE TRUNCATE ON access.wraps EXECUTE FUNCTION access.refuse();
CREATE TRIGGER keeps BEFORE UPDATE OR DELETE ON access.wraps FOR EACH ROW EXECUTE FUNCTION access.keep_wrap('read');
CREATE TRIGGER in_force AFTER INSERT ON access.wraps REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_closed();

CREATE FUNCTION log.refuse_shredded() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM log.shredded_files s WHERE s.name = NEW.name) THEN
    RAISE EXCEPTION 'the file is shredded' USING ERRCODE = 'lock_not_available';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER shredded BEFORE INSERT ON log.file_wraps FOR EACH ROW EXECUTE FUNCTION log.refuse_shredded();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.shreds EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.shredded EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.shredded_files EXECUTE FUNCTION log.refuse();
CREATE FUNCTION log.keep_epoch() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.closed_at IS NULL AND EXISTS (SELECT FROM log.epochs_given_up g
      WHERE g.kek_id = OLD.kek_id AND g.before = OLD.before AND g.begun_at = OLD.begun_at)
  THEN RETURN OLD; END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER stays BEFORE TRUNCATE ON log.epochs EXECUTE FUNCTION log.refuse();
CREATE TRIGGER keeps BEFORE DELETE ON log.epochs FOR EACH ROW EXECUTE FUNCTION log.keep_epoch();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.epochs_given_up EXECUTE FUNCTION log.refuse();
-- not as rows, whose comparison reads otherwise once it was dumped and restored
CREATE TRIGGER closes BEFORE UPDATE ON log.epochs FOR EACH ROW
  WHEN (NEW.kek_id IS DISTINCT FROM OLD.kek_id OR NEW.before IS DISTINCT FROM OLD.before
    OR NEW.begun_at IS DISTINCT FROM OLD.begun_at OR NEW.wraps_before IS DISTINCT FROM OLD.wraps_before
    OR NEW.moved < OLD.moved
    OR (OLD.closed_at IS NOT NULL AND (NEW.moved IS DISTINCT FROM OLD.moved OR NEW.closed_at IS DISTINCT FROM OLD.closed_at
      OR NEW.wraps_after IS DISTINCT FROM OLD.wraps_after OR NEW.left_behind IS DISTINCT FROM OLD.left_behind))
    OR (OLD.destroyed_at IS NOT NULL AND NEW.destroyed_at IS DISTINCT FROM OLD.destroyed_at)
    OR (OLD.wal_swept IS TRUE
      AND (NEW.swept_at IS DISTINCT FROM OLD.swept_at OR NEW.wal_swept IS DISTINCT FROM OLD.wal_swept)))
  EXECUTE FUNCTION log.refuse();

-- == Shred =========================================================================================================

-- Bytes of base64url without padding; an error where it is none.
CREATE FUNCTION log.unb64(_text text) RETURNS bytea LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT decode(translate(_text, '-_', '+/') || repeat('=', (4 - length(_text) % 4) % 4), 'base64')
$$;

-- Carries out an act of erasure: the wraps of what it names go, in one transaction, once. Nobody who calls is believed: the
-- caller hands in the envelopes of the act's statements, which hash to the entries that the tree commits to, and what goes is
-- read from them. It asks all that can be asked without a key: that the act is a RecordErased of stream `ledger`, signed by three
-- keys in their order, covered by a checkpoint and not carried out before; that each record stands there with that entry, is of
-- a case or a programme, never record 0 and never one by which the registry changed; that no signature of an act is left
-- whose others go, since each holds all of its content; and that no more files go than the act lists. What R keeps of a reporter
-- whose sealing goes (0005) goes with it. What an earlier act erased
-- of it is left out, and said. `_size` is that of the log when it was asked which files nobody else lists; null: nobody asked.
-- Whether a signature is good, and whether the rules take the act, needs the registry: whoever
-- carries it out asks before, and the audit after.
CREATE FUNCTION log.shred(_act uuid, _envelopes bytea[], _files uuid[], _size bigint, _items uuid[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  compacts text[];
  act json;
  last bigint;
  named bigint[];
  before bigint[];
  forgotten int;
  gone int;
BEGIN
  IF _act IS NULL OR _envelopes IS NULL OR _files IS NULL OR _items IS NULL THEN
    RAISE EXCEPTION 'an act, its envelopes, its files and its reporters' USING ERRCODE = 'data_exception';
  END IF;
  PERFORM FROM log.log_head FOR UPDATE;  -- writers, and another shred, wait
  PERFORM FROM log.custody_head FOR UPDATE;
  IF EXISTS (SELECT FROM log.shreds s WHERE s.act_id = _act) THEN
    RAISE EXCEPTION 'the act was carried out before' USING ERRCODE = 'unique_violation';
  END IF;
  IF _size <> (SELECT h.size FROM log.log_head h) THEN
    RAISE EXCEPTION 'the log has grown since it was asked who lists the files' USING ERRCODE = 'lock_not_available';
  END IF;

  -- the act, as the tree has it
  SELECT array_agg(convert_from(z.envelope, 'UTF8')::json->>'statement' ORDER BY r.index), max(r.index)
    INTO compacts, last
    FROM unnest(_envelopes) WITH ORDINALITY AS z (envelope, o)
    JOIN (SELECT x.index, x.entry, x.author, row_number() OVER (ORDER BY x.index) AS o
      FROM log.records x JOIN log.streams s ON s.stream_id = x.stream_id
      WHERE x.act_id = _act AND s.name = 'ledger') r
    ON r.o = z.o AND r.entry = sha256(z.envelope) AND r.author = (z.o = 1)
    HAVING count(*) = cardinality(_envelopes);
  IF cardinality(compacts) IS DISTINCT FROM 3 OR cardinality(_envelopes) <> 3 THEN
    RAISE EXCEPTION 'these are not the three statements of an act in stream ledger' USING ERRCODE = 'check_violation';
  END IF;
  IF (SELECT count(DISTINCT split_part(c, '.', 2)) <> 1
        OR count(DISTINCT convert_from(log.unb64(split_part(c, '.', 1)), 'UTF8')::json->>'kid') <> 3
        OR array_agg(convert_from(log.unb64(split_part(c, '.', 1)), 'UTF8')::json->>'role' ORDER BY o)
          <> ARRAY['AUTHOR', 'CHECKER', 'APPROVER']
      FROM unnest(compacts) WITH ORDINALITY AS z (c, o)) THEN
    RAISE EXCEPTION 'an erasure is signed by three, over the same bytes' USING ERRCODE = 'check_violation';
  END IF;
  act := convert_from(log.unb64(split_part(compacts[1], '.', 2)), 'UTF8')::json;
  IF (act->>'act' = 'RecordErased' AND act->>'stream' = 'ledger' AND act->>'act_id' = _act::text) IS NOT TRUE THEN
    RAISE EXCEPTION 'the act is no erasure' USING ERRCODE = 'check_violation';
  END IF;
  IF (SELECT coalesce(max(c.size), 0) FROM log.checkpoints c) <= last THEN
    RAISE EXCEPTION 'no checkpoint covers the act yet' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;

  -- what it names
  SELECT array_agg(r.index) INTO named
    FROM json_array_elements(act->'facts'->'entries') AS e (one)
    JOIN log.records r ON r.index = (e.one->>'index')::bigint
      AND r.entry = log.unb64(regexp_replace(e.one->>'entry', '^sha-256:', ''))
    JOIN log.streams s ON s.stream_id = r.stream_id
    WHERE r.index > 0 AND NOT r.registry AND (starts_with(s.name, 'case/') OR starts_with(s.name, 'programme/'));
  IF named IS NULL OR cardinality(named) <> json_array_length(act->'facts'->'entries')
      OR cardinality(named) <> (SELECT count(DISTINCT n) FROM unnest(named) n) THEN
    RAISE EXCEPTION 'a record that the act names is not there, or is never erased' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT FROM log.records r WHERE r.index <> ALL (named)
      AND r.act_id IN (SELECT x.act_id FROM log.records x WHERE x.index = ANY (named))) THEN
    RAISE EXCEPTION 'a signature of an act is left, and the content with it' USING ERRCODE = 'check_violation';
  END IF;
  before := ARRAY(SELECT s.index FROM log.shredded s WHERE s.index = ANY (named) ORDER BY s.index);
  IF (SELECT count(*) FROM log.files f WHERE f.name = ANY (_files)) <> cardinality(_files)
      OR (SELECT count(DISTINCT f.tag) FROM log.files f WHERE f.name = ANY (_files))
        > coalesce(json_array_length(act->'facts'->'attachments'), 0)  -- each by each author: one an act
          * (SELECT count(DISTINCT r.act_id) FROM log.records r WHERE r.index = ANY (named) AND r.author) THEN
    RAISE EXCEPTION 'more files than the act lists, or one that is not there' USING ERRCODE = 'check_violation';
  END IF;

  -- what R keeps of a reporter whose sealing goes: of these cases, and no more than acts go
  IF cardinality(_items) > (SELECT count(DISTINCT x.act_id) FROM log.records x
      WHERE x.index = ANY (named) AND x.author AND x.index <> ALL (before)) THEN
    RAISE EXCEPTION 'more reporters than acts go' USING ERRCODE = 'check_violation';
  END IF;
  DELETE FROM r.items i WHERE i.item = ANY (_items)
    AND i.comp IN (SELECT x.stream_id FROM log.records x WHERE x.index = ANY (named));
  GET DIAGNOSTICS forgotten = ROW_COUNT;

  -- a backup from before a turn has the wrap as it was then: each KEK counts that there was
  _files := ARRAY(SELECT DISTINCT n FROM unnest(_files) n WHERE NOT EXISTS (SELECT FROM log.shredded_files s WHERE s.name = n));
  INSERT INTO log.shreds (act_id, index, at, keks, records, files, reporters, gone_before) VALUES (_act, last, clock_timestamp(), ARRAY(
      SELECT w.kek_id FROM log.wraps w WHERE w.index = ANY (named)
      UNION SELECT w.kek_id FROM log.file_wraps w WHERE w.name = ANY (_files)
      UNION SELECT e.before FROM log.epochs e UNION SELECT g.kek_id FROM log.epochs_given_up g),
    cardinality(named) - cardinality(before), cardinality(_files), forgotten, before);
  INSERT INTO log.shredded (index, act_id) SELECT n, _act FROM unnest(named) n WHERE n <> ALL (before);
  INSERT INTO log.shredded_files (name, act_id) SELECT n, _act FROM unnest(_files) n;
  DELETE FROM log.wraps w WHERE w.index = ANY (named);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM log.file_wraps w WHERE w.name = ANY (_files);
  DELETE FROM log.wraps_aside a
    WHERE a.of = 'record' AND a.index = ANY (named) OR a.of = 'file' AND a.name = ANY (_files);
  RETURN gone;
END $$;

-- == The turn ======================================================================================================

-- Begins the turn of an epoch, or goes on with the one that was begun; refuses another while one is open.
CREATE FUNCTION log.begin_epoch(_before bytea, _kek bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM log.epochs e WHERE e.kek_id = _kek AND e.before = _before) THEN RETURN; END IF;
  IF EXISTS (SELECT FROM log.epochs e WHERE _kek IN (e.kek_id, e.before) OR e.before = _before) THEN
    RAISE EXCEPTION 'a key has one epoch' USING ERRCODE = 'unique_violation';
  END IF;
  DELETE FROM log.wraps_aside  -- there is none of another turn, but what an owner made up
    WHERE NOT EXISTS (SELECT FROM log.epochs e WHERE e.closed_at IS NULL);
  INSERT INTO log.epochs (kek_id, before, begun_at, wraps_before) VALUES (_kek, _before, clock_timestamp(),
    (SELECT count(*) FROM log.wraps w WHERE w.kek_id = _before)
    + (SELECT count(*) FROM log.file_wraps w WHERE w.kek_id = _before)
    + (SELECT count(*) FROM access.wraps w WHERE w.kek_id = _before)
    + (SELECT count(*) FROM log.file_key k WHERE substring(k.wrap FROM 2 FOR 16) = _before));
END $$;

-- Moves wraps of records to the KEK whose turn it is; `_old` says which bytes are moved, so that none that has gone, or moved,
-- meanwhile comes back. How many moved.
CREATE FUNCTION log.rewrap(_indices bigint[], _old bytea[], _new bytea[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  done int;
BEGIN
  WITH moves AS (UPDATE log.wraps w SET kek_id = substring(z.new FROM 2 FOR 16), wrap = z.new
    FROM unnest(_indices, _old, _new) AS z (index, old, new)
    WHERE w.index = z.index AND w.kek_id = substring(z.old FROM 2 FOR 16) AND w.wrap = z.old RETURNING z.index, z.old)
  INSERT INTO log.wraps_aside (of, index, wrap) SELECT 'record', m.index, m.old FROM moves m;
  GET DIAGNOSTICS done = ROW_COUNT;
  UPDATE log.epochs SET moved = moved + done WHERE closed_at IS NULL;
  RETURN done;
END $$;

-- The same of the log of reads.
CREATE FUNCTION log.rewrap_reads(_indices bigint[], _old bytea[], _new bytea[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  done int;
BEGIN
  WITH moves AS (UPDATE access.wraps w SET kek_id = substring(z.new FROM 2 FOR 16), wrap = z.new
    FROM unnest(_indices, _old, _new) AS z (index, old, new)
    WHERE w.index = z.index AND w.kek_id = substring(z.old FROM 2 FOR 16) AND w.wrap = z.old RETURNING z.index, z.old)
  INSERT INTO log.wraps_aside (of, index, wrap) SELECT 'read', m.index, m.old FROM moves m;
  GET DIAGNOSTICS done = ROW_COUNT;
  UPDATE log.epochs SET moved = moved + done WHERE closed_at IS NULL;
  RETURN done;
END $$;

-- The same of files and their events.
CREATE FUNCTION log.rewrap_files(_names uuid[], _seqs bigint[], _old bytea[], _new bytea[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  done int;
BEGIN
  WITH moves AS (UPDATE log.file_wraps w SET kek_id = substring(z.new FROM 2 FOR 16), wrap = z.new
    FROM unnest(_names, _seqs, _old, _new) AS z (name, seq, old, new)
    WHERE w.name = z.name AND w.seq = z.seq AND w.kek_id = substring(z.old FROM 2 FOR 16) AND w.wrap = z.old
    RETURNING z.name, z.seq, z.old)
  INSERT INTO log.wraps_aside (of, name, index, wrap) SELECT 'file', m.name, m.seq, m.old FROM moves m;
  GET DIAGNOSTICS done = ROW_COUNT;
  UPDATE log.epochs SET moved = moved + done WHERE closed_at IS NULL;
  RETURN done;
END $$;

-- The same of the key of the files.
CREATE FUNCTION log.rewrap_file_key(_old bytea, _new bytea) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  done int;
BEGIN
  WITH moves AS (UPDATE log.file_key k SET wrap = _new WHERE k.wrap = _old RETURNING true)
  INSERT INTO log.wraps_aside (of, wrap) SELECT 'file_key', _old FROM moves m;
  GET DIAGNOSTICS done = ROW_COUNT;
  UPDATE log.epochs SET moved = moved + done WHERE closed_at IS NULL;
  RETURN done;
END $$;

-- Puts back what stood where wraps have moved, since what took its place does not open. How many went back.
CREATE FUNCTION log.put_back(_of text, _origins text[], _names uuid[], _indices bigint[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  a log.wraps_aside;
  done int := 0;
BEGIN
  FOR a IN SELECT x.* FROM unnest(_origins, _names, _indices) AS z (origin, name, index)
    JOIN log.wraps_aside x ON (x.of, x.origin, x.name, x.index) = (_of, z.origin, z.name, z.index) FOR UPDATE OF x
  LOOP
    CASE a.of
      WHEN 'record' THEN
        UPDATE log.wraps w SET kek_id = substring(a.wrap FROM 2 FOR 16), wrap = a.wrap WHERE w.index = a.index;
      WHEN 'read' THEN
        UPDATE access.wraps w SET kek_id = substring(a.wrap FROM 2 FOR 16), wrap = a.wrap WHERE w.index = a.index;
      WHEN 'file' THEN
        UPDATE log.file_wraps w SET kek_id = substring(a.wrap FROM 2 FOR 16), wrap = a.wrap
          WHERE w.name = a.name AND w.seq = a.index;
      WHEN 'mirrored' THEN
        UPDATE mirror.wraps w SET kek_id = substring(a.wrap FROM 2 FOR 16), wrap = a.wrap
          WHERE w.origin = a.origin AND w.index = a.index;
      ELSE
        UPDATE log.file_key k SET wrap = a.wrap;
    END CASE;
    DELETE FROM log.wraps_aside x WHERE (x.of, x.origin, x.name, x.index) = (a.of, a.origin, a.name, a.index);
    done := done + 1;
  END LOOP;
  RETURN done;
END $$;

-- Ends the turn where nothing is under the old KEK any more but `_left` wraps that no key opens, and what has moved are the
-- `_seen` that were seen to open under the new one; false where there is more. From here on nothing is taken under the old one,
-- nothing that it opens is left, and its key can be destroyed.
CREATE FUNCTION log.close_epoch(_before bytea, _left bigint, _seen bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  turned bytea;
BEGIN
  PERFORM FROM log.log_head FOR UPDATE;  -- whoever appends waits, and is refused after this
  PERFORM FROM log.custody_head FOR UPDATE;
  PERFORM FROM access.log_head FOR UPDATE;
  SELECT e.kek_id INTO turned FROM log.epochs e WHERE e.before = _before AND e.closed_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RETURN EXISTS (SELECT FROM log.epochs e WHERE e.before = _before);
  END IF;
  IF EXISTS (SELECT FROM log.file_key k WHERE substring(k.wrap FROM 2 FOR 16) = _before)
      OR (SELECT count(*) FROM log.wraps w WHERE w.kek_id = _before)
        + (SELECT count(*) FROM log.file_wraps w WHERE w.kek_id = _before)
        + (SELECT count(*) FROM access.wraps w WHERE w.kek_id = _before) <> _left
      OR (SELECT count(*) FROM log.wraps_aside) <> _seen THEN
    RETURN false;
  END IF;
  UPDATE log.epochs SET closed_at = clock_timestamp(), left_behind = _left, wraps_after =
      (SELECT count(*) FROM log.wraps w WHERE w.kek_id = turned)
      + (SELECT count(*) FROM log.file_wraps w WHERE w.kek_id = turned)
      + (SELECT count(*) FROM access.wraps w WHERE w.kek_id = turned)
      + (SELECT count(*) FROM log.file_key k WHERE substring(k.wrap FROM 2 FOR 16) = turned)
    WHERE before = _before;
  DELETE FROM log.wraps_aside;
  RETURN true;
END $$;

-- The old key of a turn that is over is destroyed where it lay.
CREATE FUNCTION log.note_destroyed(_before bytea) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE log.epochs SET destroyed_at = clock_timestamp()
    WHERE before = _before AND closed_at IS NOT NULL AND destroyed_at IS NULL
$$;

-- Pages and statistics were written anew behind every old key that is destroyed, and the WAL too where `_wal`.
CREATE FUNCTION log.note_swept(_wal boolean) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE log.epochs SET swept_at = clock_timestamp(), wal_swept = _wal
    WHERE destroyed_at IS NOT NULL AND wal_swept IS NOT TRUE AND _wal IS NOT NULL
$$;

-- == Grants ========================================================================================================

-- The keeper (access.md G8) sees wraps and what they are wrapped for, and nothing sealed.
GRANT USAGE ON SCHEMA log TO {slug}_keeper;
GRANT SELECT (index, kek_id, wrap) ON log.wraps TO {slug}_keeper;
GRANT USAGE ON SCHEMA access TO {slug}_keeper;
GRANT SELECT (index, kek_id, wrap) ON access.wraps TO {slug}_keeper;
GRANT SELECT (index, entry) ON access.records TO {slug}_keeper;
GRANT SELECT (name, seq, kek_id, wrap) ON log.file_wraps TO {slug}_keeper;
GRANT SELECT (one, wrap) ON log.file_key TO {slug}_keeper;
GRANT SELECT (index, entry) ON log.records TO {slug}_keeper;
GRANT SELECT (name, seq, entry) ON log.custody TO {slug}_keeper;
GRANT SELECT (number, name, sha256, applied_at) ON log.migrations TO {slug}_keeper;
CREATE POLICY whole_keeper ON log.records FOR SELECT TO {slug}_keeper USING (true);
CREATE POLICY whole_keeper ON log.wraps FOR SELECT TO {slug}_keeper USING (true);
GRANT EXECUTE ON FUNCTION log.shred(uuid, bytea[], uuid[], bigint, uuid[]), log.rewrap(bigint[], bytea[], bytea[]),
  log.rewrap_reads(bigint[], bytea[], bytea[]), log.rewrap_files(uuid[], bigint[], bytea[], bytea[]), log.rewrap_file_key(bytea, bytea),
  log.put_back(text, text[], uuid[], bigint[]) TO {slug}_keeper;
GRANT SELECT (of, origin, name, index) ON log.wraps_aside TO {slug}_keeper;

-- A turn is begun, ended and noted by the administrator's command, which has the migrator's login: an epoch that is over takes
-- nothing any more, so a login that serves could end the log by it.
GRANT EXECUTE ON FUNCTION log.begin_epoch(bytea, bytea), log.close_epoch(bytea, bigint, bigint), log.note_destroyed(bytea), log.note_swept(boolean)
  TO {slug}_migrator;

-- Whoever keeps content in memory asks what was shredded; epochs and counts name nobody.
GRANT SELECT (kek_id, before, begun_at, wraps_before, moved, closed_at, wraps_after, left_behind, destroyed_at, swept_at, wal_swept)
  ON log.epochs
  TO {slug}_keeper, {slug}_reader, {slug}_projector, {slug}_auditor;
GRANT SELECT (kek_id, before, begun_at, given_up_at, wraps_before, left_behind) ON log.epochs_given_up
  TO {slug}_keeper, {slug}_auditor;
GRANT SELECT (act_id, index, at, keks, records, files, reporters, gone_before) ON log.shreds
  TO {slug}_keeper, {slug}_writer, {slug}_reader, {slug}_projector, {slug}_auditor;
GRANT SELECT (index, act_id) ON log.shredded TO {slug}_keeper, {slug}_projector, {slug}_auditor;
GRANT SELECT (name, act_id) ON log.shredded_files TO {slug}_keeper, {slug}_projector, {slug}_auditor;
GRANT SELECT ON log.epochs, log.epochs_given_up, log.wraps_aside, log.shreds, log.shredded, log.shredded_files TO {slug}_backup;
