-- The log of reads (access.md §6): a second log of the enclave, of the same form as the first, in a schema of its own. What it
-- holds is who read what under which act; that it grows tells the inspected that they are read, so no login reads of it but
-- those that prove it (D2).
--
-- Records · what is looked for · the append · tiles and checkpoints · reading · append-only · grants

CREATE SCHEMA access;

-- == Records =======================================================================================================

-- As log.streams, log.records, log.wraps and log.log_head (0001). A stream is what one process noted since it began, so
-- that nobody waits for another's place; the name tells nothing else. No row is an act, and none has a unit.

CREATE TABLE access.streams (
  stream_id uuid PRIMARY KEY,
  name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 128)
);

CREATE TABLE access.records (
  index bigint PRIMARY KEY CHECK (index >= 0),
  seq bigint NOT NULL CHECK (seq >= 1),
  recorded_at timestamptz NOT NULL CHECK (isfinite(recorded_at)),
  stream_id uuid NOT NULL,
  unit uuid NOT NULL CHECK (unit = '00000000-0000-0000-0000-000000000000'),
  act_id uuid NOT NULL,
  author boolean NOT NULL CHECK (author),
  registry boolean NOT NULL CHECK (NOT registry),
  topic text NOT NULL CHECK (topic = 'socai.statement.v1'),
  entry bytea NOT NULL CHECK (octet_length(entry) = 32),
  state bytea NOT NULL,
  CONSTRAINT records_stream_seq UNIQUE (stream_id, seq)
) WITH (toast_tuple_target = 8160);
ALTER TABLE access.records ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE access.wraps (
  index bigint NOT NULL,
  kek_id bytea NOT NULL CHECK (octet_length(kek_id) = 16),
  stream_id uuid NOT NULL,
  unit uuid NOT NULL,
  wrap bytea NOT NULL CHECK (octet_length(wrap) = 77),
  PRIMARY KEY (index, kek_id)
);
ALTER TABLE access.wraps ALTER COLUMN wrap SET STORAGE MAIN;

CREATE TABLE access.log_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  size bigint NOT NULL CHECK (size >= 0),
  recorded_at timestamptz CHECK (isfinite(recorded_at)),
  registry_index bigint NOT NULL CHECK (registry_index = -1),
  CONSTRAINT log_head_time CHECK ((recorded_at IS NULL) = (size = 0))
) WITH (fillfactor = 10);
INSERT INTO access.log_head VALUES (true, 0, NULL, -1);

-- == What is looked for ============================================================================================

-- By what a row is found: who read, from which agency and post, which case, by which act. A tag is keyed outside the
-- database (formats.md §5), so that a copy of it tells nobody whose reads, or reads of what, there are.
CREATE TABLE access.tags (
  tag bytea NOT NULL CHECK (octet_length(tag) = 32),
  index bigint NOT NULL CHECK (index >= 0),
  PRIMARY KEY (tag, index)
);

-- SHA-256 of what opens the functions below: it follows from a key that lies outside the database too.
CREATE TABLE access.gate (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  digest bytea NOT NULL CHECK (octet_length(digest) = 32)
);

CREATE FUNCTION access.opens(_gate bytea) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM access.gate g WHERE g.digest = sha256(_gate))
$$;

-- == The append ====================================================================================================

-- One call, one transaction, one stream: all rows or none, durable at COMMIT. `stale`: the place in the stream is not the
-- next one; `late`: dated before the last row; `apart`: as in log.append. The first row of all opens the log, and no other
-- stands in stream `ledger`. What no honest process asks for is refused, with nothing written. How many rows there are and
-- when the last was noted is not told: this answers whoever has the login (D2).
CREATE FUNCTION access.append(
  _stream uuid, _name text, _seq bigint, _at timestamptz, _ids uuid[], _entries bytea[], _states bytea[], _kek bytea,
  _wraps bytea[], _of bigint[], _tags bytea[]
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
  t timestamptz;
  items int := cardinality(_ids);
BEGIN
  IF (items BETWEEN 1 AND 1000
      AND items = ALL (ARRAY[cardinality(_entries), cardinality(_states), cardinality(_wraps)])
      AND cardinality(_of) = cardinality(_tags) AND (cardinality(_of) = 0 OR (1 <= ALL (_of) AND items >= ALL (_of)))
      AND _seq >= 1
      AND substr(_stream::text, 15, 1) = '5'
      AND _name ~ '^(?:reads/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|ledger)$'
      AND isfinite(_at) AND date_trunc('milliseconds', _at) = _at
      AND octet_length(_kek) = 16
      AND (SELECT bool_and(substr(z.id::text, 15, 1) = '4' AND octet_length(z.entry) = 32
          AND CASE substring(z.state FROM 1 FOR 1)
            WHEN '\x01' THEN octet_length(z.state) BETWEEN 512 AND 29 + 65536
            WHEN '\x02' THEN octet_length(z.state) - 29 IN (1024, 4096, 16384, 65536)
            ELSE false END
          AND octet_length(z.wrap) = 77 AND substring(z.wrap FROM 1 FOR 17) = '\x01'::bytea || _kek)
        FROM unnest(_ids, _entries, _states, _wraps) AS z (id, entry, state, wrap))) IS NOT TRUE THEN
    RAISE EXCEPTION 'these are no rows of a log of reads' USING ERRCODE = 'check_violation';
  END IF;

  SELECT h.size, h.recorded_at INTO STRICT n, t FROM access.log_head h FOR UPDATE;  -- whoever notes anything queues here
  IF (n = 0) <> (_name = 'ledger') OR (n = 0 AND items > 1) THEN
    RAISE EXCEPTION 'the first row opens the log, and no other' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT FROM access.records r WHERE r.stream_id = _stream AND r.seq >= _seq)
    OR (_seq > 1 AND NOT EXISTS (SELECT FROM access.records r WHERE r.stream_id = _stream AND r.seq = _seq - 1)) THEN
    RETURN 'stale';
  END IF;
  IF _at < t THEN
    RETURN 'late';
  END IF;
  IF _at NOT BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() + interval '5 minutes'
    AND NOT EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal) THEN
    RETURN 'apart';
  END IF;
  IF _seq = 1 THEN
    INSERT INTO access.streams (stream_id, name) VALUES (_stream, _name);
  END IF;
  INSERT INTO access.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
    SELECT n + z.o - 1, _seq + z.o - 1, _at, _stream, '00000000-0000-0000-0000-000000000000', z.id, true, false,
      'socai.statement.v1', z.entry, z.state
    FROM unnest(_ids, _entries, _states) WITH ORDINALITY AS z (id, entry, state, o);
  INSERT INTO access.wraps (index, kek_id, stream_id, unit, wrap)
    SELECT n + z.o - 1, _kek, _stream, '00000000-0000-0000-0000-000000000000', z.wrap
    FROM unnest(_wraps) WITH ORDINALITY AS z (wrap, o);
  INSERT INTO access.tags (tag, index)
    SELECT DISTINCT z.tag, n + z.o - 1 FROM unnest(_of, _tags) AS z (o, tag);
  UPDATE access.log_head SET size = n + items, recorded_at = _at;
  RETURN 'ok';
END $$;

-- Set once, by whoever founds the log.
CREATE FUNCTION access.keep_gate(_digest bytea) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO access.gate (digest) VALUES (_digest) ON CONFLICT DO NOTHING;
  SELECT EXISTS (SELECT FROM access.gate g WHERE g.digest = _digest);
$$;

-- == Tiles and checkpoints =========================================================================================

-- Those of the log of acts (0001), by their own text: what they are is the same, and only where they lie is not. A checkpointer of
-- this log waits for another by the one row of the gate.
CREATE TABLE access.tiles (LIKE log.tiles INCLUDING ALL) WITH (toast_tuple_target = 8160);
CREATE TABLE access.checkpoints (LIKE log.checkpoints INCLUDING ALL) WITH (toast_tuple_target = 8160);
CREATE TABLE access.cosignatures (LIKE log.cosignatures INCLUDING ALL);
DO $$
BEGIN
  EXECUTE replace(replace(pg_get_functiondef('log.checkpoint'::regproc), 'log.enclave', 'access.gate'), 'log.', 'access.');
END $$;

CREATE FUNCTION access.entries(_start bigint, _end bigint) RETURNS TABLE (index bigint, entry bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.index, r.entry FROM access.records r WHERE r.index >= _start AND r.index < _end ORDER BY r.index
$$;

-- == Reading =======================================================================================================

-- For the API, which decides who is answered (access.md A11) and has a key that is not here: whoever has the reader's
-- login alone gets no row, whatever ticket comes with it.

-- Of the rows that have two tags, and all others that are named, the newest before an index. Two tags of many rows each are
-- gone through side by side, as they lie in the index: to look each row of one up among the other's would cost five times as
-- much where they have nothing in common. The planner cannot know, since it does not plan for these two.
CREATE FUNCTION access.in_both(_one bytea, _other bytea, _rest bytea[], _before bigint, _limit int) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET enable_hashjoin = off AS $$
  SELECT a.index FROM access.tags a JOIN access.tags b ON b.index = a.index
  WHERE a.tag = _one AND b.tag = _other AND a.index < _before AND b.index < _before
    AND (SELECT bool_and(EXISTS (SELECT FROM access.tags o WHERE o.tag = z.tag AND o.index = a.index))
      FROM unnest(_rest) AS z (tag)) IS NOT FALSE
  ORDER BY a.index DESC LIMIT _limit
$$;

-- Rows that have all of these tags, newest first, before an index; without a tag, of the whole log. They are looked for by the
-- tag that the fewest rows have: an agency may have made half of all, and a case been read once. No more of them are counted than
-- it takes to know, and no more looked up than 20,000.
CREATE FUNCTION access.noted(_gate bytea, _tags bytea[], _before bigint, _limit int)
RETURNS TABLE (index bigint, stream_id uuid, seq bigint, act_id uuid, author boolean, topic text, state bytea, entry bytea,
  recorded_at timestamptz, wrap bytea, name text, unit uuid, registry boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  many int;
  most CONSTANT int := least(_limit, 1000);
  tags bytea[];
  fewest bigint;
  found bigint[];
BEGIN
  IF access.opens(_gate) IS NOT TRUE THEN
    RETURN;
  END IF;
  IF cardinality(_tags) = 0 THEN
    found := ARRAY(SELECT r.index FROM access.records r WHERE r.index < _before AND r.index > 0 ORDER BY r.index DESC LIMIT most);
  ELSIF cardinality(_tags) = 1 THEN
    found := ARRAY(SELECT g.index FROM access.tags g WHERE g.tag = _tags[1] AND g.index < _before ORDER BY g.index DESC LIMIT most);
  ELSE
    FOREACH many IN ARRAY ARRAY[2000, 20000] LOOP
      SELECT array_agg(z.tag ORDER BY z.n), min(z.n) INTO tags, fewest FROM (
        SELECT u.tag, (SELECT count(*) FROM (
          SELECT FROM access.tags g WHERE g.tag = u.tag AND g.index < _before LIMIT many) c) AS n
        FROM (SELECT DISTINCT t.tag FROM unnest(_tags) AS t (tag)) u) z;
      EXIT WHEN fewest < many;
    END LOOP;
    IF fewest < many OR cardinality(tags) = 1 THEN
      found := ARRAY(SELECT g.index FROM access.tags g
        WHERE g.tag = tags[1] AND g.index < _before AND NOT EXISTS (
          SELECT FROM unnest(tags[2:]) AS z (tag)
          WHERE NOT EXISTS (SELECT FROM access.tags o WHERE o.tag = z.tag AND o.index = g.index))
        ORDER BY g.index DESC LIMIT most);
    ELSE
      found := ARRAY(SELECT access.in_both(tags[1], tags[2], tags[3:], _before, most));
    END IF;
  END IF;
  RETURN QUERY SELECT r.index, r.stream_id, r.seq, r.act_id, r.author, r.topic, r.state, r.entry, r.recorded_at, w.wrap,
      s.name, r.unit, r.registry
    FROM unnest(found) AS f (index) JOIN access.records r ON r.index = f.index
    LEFT JOIN access.wraps w ON w.index = r.index
    LEFT JOIN access.streams s ON s.stream_id = r.stream_id
    ORDER BY r.index DESC;
END $$;

-- How many rows there are, and when the last was noted: no row may be dated before.
CREATE FUNCTION access.head(_gate bytea) RETURNS TABLE (size bigint, recorded_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT h.size, h.recorded_at FROM access.log_head h WHERE access.opens(_gate)
$$;

CREATE FUNCTION access.latest(_gate bytea) RETURNS TABLE (size bigint, note bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.size, c.note FROM access.checkpoints c WHERE access.opens(_gate) ORDER BY c.size DESC LIMIT 1
$$;

CREATE FUNCTION access.tile(_gate bytea, _level smallint, _n bigint, _width smallint) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  -- a narrower tile is the beginning of a wider one
  SELECT substring(t.data FROM 1 FOR 32 * _width) FROM access.tiles t
  WHERE access.opens(_gate) AND t.level = _level AND t.n = _n AND t.width >= _width ORDER BY t.width LIMIT 1
$$;

CREATE FUNCTION access.bundle(_gate bytea, _start bigint, _end bigint) RETURNS TABLE (index bigint, entry bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.index, r.entry FROM access.records r
  WHERE access.opens(_gate) AND r.index >= _start AND r.index < _end ORDER BY r.index
$$;

-- By which orders and openings the officer of the ticket reads now: for figures, which count whatever is seen.
CREATE FUNCTION sec.reads_by() RETURNS TABLE (via uuid, rule text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  asked text[] := sec.ticket();
  read smallint := sec.gen();
  at timestamptz := sec.clock();
BEGIN
  RETURN QUERY SELECT DISTINCT m.via::uuid, m.rule FROM sec.members m
    WHERE m.gen = read AND m.officer = asked[1]::uuid AND m.rule IN ('A9', 'A19') AND m.since <= at AND at < m.until
      AND NOT EXISTS (SELECT FROM sec.ended e WHERE e.officer = m.officer AND e.what IN ('*', asked[2], m.via));
END $$;

-- == Append-only ===================================================================================================

-- As log.refuse: of its own, so that a dump of one schema stands alone.
CREATE FUNCTION access.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.streams EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.records EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.wraps EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.tags EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.gate EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.tiles EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.checkpoints EXECUTE FUNCTION access.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.cosignatures EXECUTE FUNCTION access.refuse();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON access.log_head EXECUTE FUNCTION access.refuse();
CREATE TRIGGER grows BEFORE UPDATE ON access.log_head FOR EACH ROW
  WHEN (NEW.size < OLD.size OR NEW.recorded_at < OLD.recorded_at) EXECUTE FUNCTION access.refuse();

-- == Grants ========================================================================================================

-- The reader may note what it shows and reads nothing; the writer, which serves those who write, has no business here. Who
-- proves the log sees it whole but for what is sealed (auditor) or with it (projector: an audit with content, G19). None of
-- these answers an officer.
GRANT USAGE ON SCHEMA access TO {slug}_reader, {slug}_checkpointer, {slug}_projector, {slug}_auditor, {slug}_backup;

GRANT EXECUTE ON FUNCTION
  access.append(uuid, text, bigint, timestamptz, uuid[], bytea[], bytea[], bytea, bytea[], bigint[], bytea[]),
  access.keep_gate(bytea), access.noted(bytea, bytea[], bigint, int), access.latest(bytea),
  access.head(bytea),
  access.tile(bytea, smallint, bigint, smallint), access.bundle(bytea, bigint, bigint), sec.reads_by() TO {slug}_reader;

GRANT SELECT (stream_id, name) ON access.streams TO {slug}_projector, {slug}_auditor;
GRANT SELECT (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
  ON access.records TO {slug}_projector;
GRANT SELECT (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry) ON access.records TO {slug}_auditor;
GRANT SELECT (index, entry) ON access.records TO {slug}_checkpointer;
GRANT SELECT (index, kek_id, stream_id, unit, wrap) ON access.wraps TO {slug}_projector;
GRANT SELECT (index, kek_id) ON access.wraps TO {slug}_auditor;
GRANT SELECT (one, size, recorded_at, registry_index) ON access.log_head TO {slug}_checkpointer, {slug}_projector, {slug}_auditor;
GRANT SELECT (tag, index) ON access.tags TO {slug}_projector, {slug}_auditor;
GRANT SELECT (one, digest) ON access.gate TO {slug}_projector;  -- who has the key sees that it opens this
GRANT SELECT (level, n, width, data) ON access.tiles TO {slug}_checkpointer, {slug}_projector, {slug}_auditor;
GRANT SELECT (size, root, note) ON access.checkpoints TO {slug}_checkpointer, {slug}_projector, {slug}_auditor;
GRANT SELECT (size, witness, signature, taken_at) ON access.cosignatures TO {slug}_checkpointer, {slug}_projector, {slug}_auditor;
GRANT EXECUTE ON FUNCTION access.checkpoint(bigint, bigint, bytea, bytea, smallint[], bigint[], smallint[], bytea[])
  TO {slug}_checkpointer;
GRANT EXECUTE ON FUNCTION access.entries(bigint, bigint) TO {slug}_checkpointer, {slug}_projector, {slug}_auditor;

GRANT SELECT ON ALL TABLES IN SCHEMA access TO {slug}_backup;
