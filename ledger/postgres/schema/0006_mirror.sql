-- The mirror (access.md F8, F12, F13, F15, G10, G11; formats.md §11): what was taken in of lower logs, and who publishes the own
-- one. Every enclave has it, also one that has nothing below or above: nothing here tells which (F8, L23).
--
-- Logs · segments · records · what goes and moves · taking in · the turn · reading · append-only · grants

CREATE SCHEMA mirror;

-- == Logs ==========================================================================================================

-- The lower logs that are trusted, each by its record 0, and how far it was taken in: `at` is the turn of the clock of the
-- newest segment, `note` the newest checkpoint.
CREATE TABLE mirror.logs (
  origin text PRIMARY KEY CHECK (octet_length(origin) BETWEEN 3 AND 255),
  level text NOT NULL CHECK (level IN ('ordinary', 'mat', 'toi-mat')),
  genesis bytea NOT NULL CHECK (octet_length(genesis) = 32),
  size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
  at bigint NOT NULL DEFAULT -1 CHECK (at >= -1),
  note bytea CHECK (octet_length(note) <= 1000000),
  recorded_at timestamptz CHECK (isfinite(recorded_at)),
  registry_index bigint NOT NULL DEFAULT -1,
  CONSTRAINT logs_begun CHECK ((note IS NULL) = (at = -1) AND (size = 0 OR note IS NOT NULL))
) WITH (fillfactor = 50);

-- == Segments ======================================================================================================

-- When what was taken in: the first `size` records of a log and their root, which is what somebody above was shown of it.
CREATE TABLE mirror.segments (
  origin text NOT NULL,
  at bigint NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (isfinite(taken_at)),
  PRIMARY KEY (origin, at)
);
CREATE INDEX segments_size ON mirror.segments (origin, size);

-- == Records =======================================================================================================

-- As log.streams, log.records, log.wraps and log.tokens. `aside`: why the rules below set a record aside. `unread`: nobody
-- below can read it, and no content came. Of an erased one none came either; `erased_by` and `erased_at` say by which act.
-- `ref`: as which a grant above names the act (access.md F13), an id of the name `act/<act_id>` under the origin.
CREATE TABLE mirror.streams (
  stream_id uuid PRIMARY KEY,
  origin text NOT NULL,
  name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 128)
);

CREATE TABLE mirror.records (
  origin text NOT NULL,
  index bigint NOT NULL CHECK (index >= 0),
  seq bigint NOT NULL CHECK (seq >= 0),
  recorded_at timestamptz NOT NULL CHECK (isfinite(recorded_at)),
  erased_at bigint CHECK (erased_at > index),
  stream_id uuid NOT NULL,
  unit uuid NOT NULL,
  act_id uuid NOT NULL,
  ref uuid NOT NULL,
  erased_by uuid,
  author boolean NOT NULL,
  registry boolean NOT NULL,
  unread boolean NOT NULL,
  aside text CHECK (octet_length(aside) BETWEEN 1 AND 128),
  topic text NOT NULL CHECK (topic = 'socai.statement.v1'),
  entry bytea NOT NULL CHECK (octet_length(entry) = 32),
  state bytea NOT NULL,
  PRIMARY KEY (origin, index),
  CONSTRAINT records_claimed CHECK ((erased_by IS NULL) = (erased_at IS NULL)),
  CONSTRAINT records_content CHECK ((state = '') = (unread OR erased_by IS NOT NULL)),
  CONSTRAINT records_unread CHECK (NOT unread OR aside IS NOT NULL)
) WITH (toast_tuple_target = 8160);
ALTER TABLE mirror.records ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX records_stream_seq ON mirror.records (stream_id, seq) WHERE seq > 0;
CREATE INDEX records_registry ON mirror.records (origin, index) WHERE registry;
CREATE INDEX records_claims ON mirror.records (origin, index) WHERE erased_by IS NOT NULL;
CREATE INDEX records_act ON mirror.records (act_id);
CREATE INDEX records_ref ON mirror.records (ref);

CREATE TABLE mirror.wraps (
  origin text NOT NULL,
  index bigint NOT NULL,
  kek_id bytea NOT NULL CHECK (octet_length(kek_id) = 16),
  wrap bytea NOT NULL CHECK (octet_length(wrap) = 77),
  PRIMARY KEY (origin, index)
);
ALTER TABLE mirror.wraps ALTER COLUMN wrap SET STORAGE MAIN;
CREATE INDEX wraps_kek ON mirror.wraps (kek_id);

CREATE TABLE mirror.tokens (
  tag bytea PRIMARY KEY CHECK (octet_length(tag) = 32),
  stream_id uuid NOT NULL,
  index bigint NOT NULL CHECK (index >= 0)
);

-- What an act of erasure below has erased here too (F15).
CREATE TABLE mirror.erased (
  origin text NOT NULL,
  index bigint NOT NULL,
  act_id uuid NOT NULL,
  PRIMARY KEY (origin, index)
);

-- == What goes and moves ===========================================================================================

CREATE FUNCTION mirror.keep_wrap() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF EXISTS (SELECT FROM mirror.erased e WHERE e.origin = OLD.origin AND e.index = OLD.index) THEN RETURN OLD; END IF;
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

-- == Taking in =====================================================================================================

-- A log is trusted by a command of the operator; once, by one first record.
CREATE FUNCTION mirror.trust(_origin text, _level text, _genesis bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM mirror.logs l WHERE (l.origin, l.level, l.genesis) = (_origin, _level, _genesis)) THEN RETURN; END IF;
  INSERT INTO mirror.logs (origin, level, genesis) VALUES (_origin, _level, _genesis);
END $$;

-- One segment, one transaction: all of it, and the keys of what it erases go with it. `lock_not_available`: another was first.
-- What was verified is the importer's to know; here it goes on where the log stands, densely, and nothing is written over.
CREATE FUNCTION mirror.take(_origin text, _start bigint, _at bigint, _note bytea, _root bytea, _names text[], _streams uuid[],
  _seqs bigint[], _acts uuid[], _refs uuid[], _authors boolean[], _registry boolean[], _units uuid[], _times timestamptz[], _entries bytea[], _states bytea[],
  _wraps bytea[], _unread boolean[], _asides text[], _erased_by uuid[], _erased_at bigint[], _tags bytea[], _tag_streams uuid[],
  _tag_indices bigint[], _gone bigint[], _gone_by uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stands mirror.logs;
  added bigint := cardinality(_entries);
BEGIN
  IF num_nulls(_origin, _start, _at, _note, _root, _names, _streams, _seqs, _acts, _refs, _authors, _registry, _units, _times, _entries, _states, _wraps,
      _unread, _asides, _erased_by, _erased_at, _tags, _tag_streams, _tag_indices, _gone, _gone_by) > 0 THEN
    RAISE EXCEPTION 'a segment is taken in whole' USING ERRCODE = 'data_exception';
  END IF;
  SELECT * INTO stands FROM mirror.logs l WHERE l.origin = _origin FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such log is trusted' USING ERRCODE = 'data_exception';
  END IF;
  IF stands.size <> _start OR stands.at >= _at THEN
    RAISE EXCEPTION 'another segment was first' USING ERRCODE = 'lock_not_available';
  END IF;
  INSERT INTO mirror.streams (stream_id, origin, name)
    SELECT DISTINCT z.id, _origin, z.name FROM unnest(_streams, _names) AS z (id, name) WHERE z.name <> ''
    ON CONFLICT DO NOTHING;
  INSERT INTO mirror.records (origin, index, seq, recorded_at, stream_id, unit, act_id, ref, author, registry, unread, aside,
      topic, entry, state, erased_by, erased_at)
    SELECT _origin, _start + z.o - 1, z.seq, z.time, z.id, z.unit, z.act, z.ref, z.author, z.registry, z.unread, nullif(z.aside, ''),
      'socai.statement.v1', z.entry, z.state, nullif(z.erased_by, '00000000-0000-0000-0000-000000000000'),
      nullif(z.erased_at, -1)
    FROM unnest(_streams, _seqs, _acts, _refs, _authors, _registry, _units, _times, _entries, _states, _unread, _asides,
      _erased_by, _erased_at) WITH ORDINALITY
      AS z (id, seq, act, ref, author, registry, unit, time, entry, state, unread, aside, erased_by, erased_at, o);
  INSERT INTO mirror.wraps (origin, index, kek_id, wrap)
    SELECT _origin, _start + z.o - 1, substring(z.wrap FROM 2 FOR 16), z.wrap
    FROM unnest(_wraps) WITH ORDINALITY AS z (wrap, o) WHERE z.wrap <> '';
  INSERT INTO mirror.tokens (tag, stream_id, index)
    SELECT * FROM unnest(_tags, _tag_streams, _tag_indices) ON CONFLICT DO NOTHING;
  INSERT INTO mirror.erased (origin, index, act_id)
    SELECT _origin, z.index, z.act FROM unnest(_gone, _gone_by) AS z (index, act) ON CONFLICT DO NOTHING;
  DELETE FROM mirror.wraps w WHERE w.origin = _origin AND w.index = ANY (_gone);
  DELETE FROM log.wraps_aside a WHERE a.of = 'mirrored' AND a.origin = _origin AND a.index = ANY (_gone);
  INSERT INTO mirror.segments (origin, at, size, root) VALUES (_origin, _at, _start + added, _root);
  UPDATE mirror.logs SET size = size + added, at = _at, note = _note,
    recorded_at = coalesce(_times[added], recorded_at),
    registry_index = coalesce((SELECT max(_start + z.o - 1) FROM unnest(_registry) WITH ORDINALITY AS z (changes, o)
      WHERE z.changes), registry_index)
    WHERE origin = _origin;
END $$;

-- == The turn ======================================================================================================

-- As log.rewrap, of what was taken in: it lies under the own KEK, and turns with it (K9).
CREATE FUNCTION mirror.rewrap(_origins text[], _indices bigint[], _old bytea[], _new bytea[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  done int;
BEGIN
  WITH moves AS (UPDATE mirror.wraps w SET kek_id = substring(z.new FROM 2 FOR 16), wrap = z.new
    FROM unnest(_origins, _indices, _old, _new) AS z (origin, index, old, new)
    WHERE w.origin = z.origin AND w.index = z.index AND w.wrap = z.old RETURNING z.origin, z.index, z.old)
  INSERT INTO log.wraps_aside (of, origin, index, wrap) SELECT 'mirrored', m.origin, m.index, m.old FROM moves m;
  GET DIAGNOSTICS done = ROW_COUNT;
  UPDATE log.epochs SET moved = moved + done WHERE closed_at IS NULL;
  RETURN done;
END $$;

CREATE OR REPLACE FUNCTION log.begin_epoch(_before bytea, _kek bytea) RETURNS void
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
    + (SELECT count(*) FROM mirror.wraps w WHERE w.kek_id = _before)
    + (SELECT count(*) FROM log.file_key k WHERE substring(k.wrap FROM 2 FOR 16) = _before));
END $$;

CREATE OR REPLACE FUNCTION log.close_epoch(_before bytea, _left bigint, _seen bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  turned bytea;
BEGIN
  PERFORM FROM log.log_head FOR UPDATE;  -- whoever appends waits, and is refused after this
  PERFORM FROM log.custody_head FOR UPDATE;
  PERFORM FROM access.log_head FOR UPDATE;
  PERFORM FROM mirror.logs ORDER BY origin FOR UPDATE;
  SELECT e.kek_id INTO turned FROM log.epochs e WHERE e.before = _before AND e.closed_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RETURN EXISTS (SELECT FROM log.epochs e WHERE e.before = _before);
  END IF;
  IF EXISTS (SELECT FROM log.file_key k WHERE substring(k.wrap FROM 2 FOR 16) = _before)
      OR (SELECT count(*) FROM log.wraps w WHERE w.kek_id = _before)
        + (SELECT count(*) FROM log.file_wraps w WHERE w.kek_id = _before)
        + (SELECT count(*) FROM mirror.wraps w WHERE w.kek_id = _before)
        + (SELECT count(*) FROM access.wraps w WHERE w.kek_id = _before) <> _left
      OR (SELECT count(*) FROM log.wraps_aside) <> _seen THEN
    RETURN false;
  END IF;
  UPDATE log.epochs SET closed_at = clock_timestamp(), left_behind = _left, wraps_after =
      (SELECT count(*) FROM log.wraps w WHERE w.kek_id = turned)
      + (SELECT count(*) FROM log.file_wraps w WHERE w.kek_id = turned)
      + (SELECT count(*) FROM access.wraps w WHERE w.kek_id = turned)
      + (SELECT count(*) FROM mirror.wraps w WHERE w.kek_id = turned)
      + (SELECT count(*) FROM log.file_key k WHERE substring(k.wrap FROM 2 FOR 16) = turned)
    WHERE before = _before;
  DELETE FROM log.wraps_aside;
  RETURN true;
END $$;

-- Gives the open turn to a KEK up, where everything that had moved went back (log.put_back) and `_left` wraps are under that KEK
-- alone; false where there is more. From here on nothing is taken under it, and the one before it is in force.
CREATE FUNCTION log.give_up_epoch(_kek bytea, _left bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  open log.epochs;
BEGIN
  PERFORM FROM log.log_head FOR UPDATE;  -- whoever appends waits, and is refused after this
  PERFORM FROM log.custody_head FOR UPDATE;
  PERFORM FROM access.log_head FOR UPDATE;
  PERFORM FROM mirror.logs ORDER BY origin FOR UPDATE;
  SELECT * INTO open FROM log.epochs e WHERE e.kek_id = _kek AND e.closed_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RETURN log.is_given_up(_kek);
  END IF;
  IF EXISTS (SELECT FROM log.wraps_aside)
      OR (SELECT count(*) FROM log.wraps w WHERE w.kek_id = _kek)
        + (SELECT count(*) FROM log.file_wraps w WHERE w.kek_id = _kek)
        + (SELECT count(*) FROM mirror.wraps w WHERE w.kek_id = _kek)
        + (SELECT count(*) FROM access.wraps w WHERE w.kek_id = _kek) <> _left THEN
    RETURN false;
  END IF;
  INSERT INTO log.epochs_given_up (kek_id, before, begun_at, given_up_at, wraps_before, left_behind)
    VALUES (open.kek_id, open.before, open.begun_at, clock_timestamp(), open.wraps_before, _left);
  DELETE FROM log.epochs e WHERE e.kek_id = _kek;
  DELETE FROM log.file_key k WHERE substring(k.wrap FROM 2 FOR 16) = _kek;  -- made under it: with the next file comes another
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION log.give_up_epoch(bytea, bigint) TO {slug}_migrator;

-- == Reading =======================================================================================================

-- Registry records of a lower log are read by everybody of the enclave, as its own are (N6); a case by whoever is granted it
-- here: what grants below say gives nobody anything (F13). A grant above names an act below, and shows what is of the document
-- that this act is of: most often all of the case. Which that is, only the mirror knows, so it is found here and by no fold, and
-- is the same before and after an import. The id of an act of this log is random and no `ref` is (RFC 9562, versions 4 and 5).
CREATE VIEW mirror.shown WITH (security_barrier) AS
  SELECT a.comp AS granted_in, r.origin, r.stream_id AS comp, r.unit
  FROM sec.shown a JOIN mirror.records r ON r.ref = a.act
  WHERE r.unit <> '00000000-0000-0000-0000-000000000000';
ALTER TABLE mirror.records ENABLE ROW LEVEL SECURITY;
ALTER TABLE mirror.wraps ENABLE ROW LEVEL SECURITY;
ALTER TABLE mirror.streams ENABLE ROW LEVEL SECURITY;
CREATE POLICY whole ON mirror.records FOR SELECT TO {slug}_importer, {slug}_keeper, {slug}_auditor USING (true);
CREATE POLICY whole ON mirror.wraps FOR SELECT TO {slug}_importer, {slug}_keeper USING (true);
CREATE POLICY whole ON mirror.streams FOR SELECT TO {slug}_importer, {slug}_auditor USING (true);
CREATE POLICY ntk ON mirror.records FOR SELECT TO {slug}_reader USING (unit = '00000000-0000-0000-0000-000000000000' OR
  (stream_id, unit) IN (SELECT m.comp, m.unit FROM mirror.shown m));
CREATE POLICY ntk ON mirror.wraps FOR SELECT TO {slug}_reader USING (
  (SELECT true FROM mirror.records r WHERE r.origin = wraps.origin AND r.index = wraps.index));
CREATE POLICY ntk ON mirror.streams FOR SELECT TO {slug}_reader USING (NOT starts_with(name, 'case/') OR
  stream_id IN (SELECT m.comp FROM mirror.shown m));

-- == Append-only ===================================================================================================

-- As those of log, which goes and comes with a dump: nothing here hangs on it.
CREATE FUNCTION mirror.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE FUNCTION mirror.refuse_closed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM fresh f JOIN log.epochs e ON e.before = f.kek_id WHERE e.closed_at IS NOT NULL)
      OR EXISTS (SELECT FROM fresh f JOIN log.epochs_given_up g ON g.kek_id = f.kek_id WHERE log.is_given_up(f.kek_id)) THEN
    RAISE EXCEPTION 'the epoch of this key is over' USING ERRCODE = 'lock_not_available';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mirror.streams EXECUTE FUNCTION mirror.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mirror.segments EXECUTE FUNCTION mirror.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mirror.records EXECUTE FUNCTION mirror.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mirror.tokens EXECUTE FUNCTION mirror.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mirror.erased EXECUTE FUNCTION mirror.refuse();
CREATE TRIGGER append_only BEFORE TRUNCATE ON mirror.wraps EXECUTE FUNCTION mirror.refuse();
CREATE TRIGGER keeps BEFORE UPDATE OR DELETE ON mirror.wraps FOR EACH ROW EXECUTE FUNCTION mirror.keep_wrap('mirrored');
CREATE TRIGGER in_force AFTER INSERT ON mirror.wraps REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION mirror.refuse_closed();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON mirror.logs EXECUTE FUNCTION mirror.refuse();

-- == Grants ========================================================================================================

-- The importer has the mirror and nothing of the own log but what says which program's database this is (G10).
GRANT USAGE ON SCHEMA mirror TO {slug}_importer, {slug}_reader, {slug}_keeper, {slug}_auditor, {slug}_backup, {slug}_migrator;
GRANT SELECT ON mirror.logs, mirror.segments, mirror.streams, mirror.records, mirror.wraps, mirror.tokens, mirror.erased
  TO {slug}_importer;
GRANT EXECUTE ON FUNCTION mirror.take(text, bigint, bigint, bytea, bytea, text[], uuid[], bigint[], uuid[], uuid[], boolean[],
  boolean[], uuid[], timestamptz[], bytea[], bytea[], bytea[], boolean[], text[], uuid[], bigint[], bytea[], uuid[], bigint[],
  bigint[], uuid[]) TO {slug}_importer;
GRANT EXECUTE ON FUNCTION mirror.trust(text, text, bytea) TO {slug}_migrator;
GRANT USAGE ON SCHEMA log TO {slug}_importer, {slug}_publisher;
GRANT SELECT (number, name, sha256, applied_at) ON log.migrations TO {slug}_importer, {slug}_publisher;

GRANT SELECT ON mirror.logs, mirror.segments, mirror.streams, mirror.records, mirror.wraps, mirror.erased, mirror.shown
  TO {slug}_reader;
GRANT SELECT (origin, index, kek_id, wrap) ON mirror.wraps TO {slug}_keeper;
GRANT SELECT (origin, index, entry) ON mirror.records TO {slug}_keeper;
GRANT EXECUTE ON FUNCTION mirror.rewrap(text[], bigint[], bytea[], bytea[]) TO {slug}_keeper;
GRANT SELECT ON mirror.logs, mirror.segments, mirror.streams, mirror.erased TO {slug}_auditor;
GRANT SELECT (origin, index, seq, recorded_at, stream_id, unit, act_id, ref, author, registry, unread, aside, entry, erased_by, erased_at)
  ON mirror.records TO {slug}_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA mirror TO {slug}_backup;

-- The publisher reads the own log whole, as it goes up, and writes nothing (G11).
GRANT SELECT ON log.streams, log.records, log.wraps, log.log_head, log.checkpoints, log.tiles TO {slug}_publisher;
GRANT SELECT (act_id, index, at, keks, records, files, gone_before) ON log.shreds TO {slug}_publisher;
GRANT SELECT (index, act_id) ON log.shredded TO {slug}_publisher;
CREATE POLICY whole_publisher ON log.streams FOR SELECT TO {slug}_publisher USING (true);
CREATE POLICY whole_publisher ON log.records FOR SELECT TO {slug}_publisher USING (true);
CREATE POLICY whole_publisher ON log.wraps FOR SELECT TO {slug}_publisher USING (true);
