-- Bounds on what a taken-over login could do. A record dated far ahead would stop the log, since time in it never goes
-- back; and a wrap of a file's key has one length (formats.md §5), so that nothing else is kept in its place.

-- Whether this is a rehearsal, whose senders set the time; written once, by whoever founds or migrates.
CREATE TABLE log.enclave (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  rehearsal boolean NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.enclave EXECUTE FUNCTION log.refuse();
GRANT SELECT (one, rehearsal) ON log.enclave
  TO {slug}_migrator, {slug}_writer, {slug}_sealer, {slug}_projector, {slug}_reader, {slug}_auditor;

ALTER TABLE log.file_wraps ADD CONSTRAINT file_wraps_length CHECK (octet_length(wrap) = 77);
ALTER TABLE log.file_key ADD CONSTRAINT file_key_length CHECK (octet_length(wrap) = 77);

-- As in 0002, and `ahead`: outside a rehearsal, its time is more than five minutes past this machine's.
CREATE OR REPLACE FUNCTION log.append(
  _streams uuid[], _names text[], _seqs bigint[], _units uuid[], _acts uuid[], _author boolean[],
  _registry boolean[], _judged bigint[], _topics text[], _at timestamptz[],
  _entries bytea[], _states bytea[], _kek bytea, _wraps bytea[]
) RETURNS TABLE (item int, status text, place bigint, head_size bigint, head_at timestamptz, head_registry bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  n bigint; t timestamptz; r bigint; first bigint;
  latest timestamptz;
  items int := cardinality(_streams);
  plain boolean;
BEGIN
  SELECT h.size, h.recorded_at, h.registry_index INTO STRICT n, t, r FROM log.log_head h FOR UPDATE;  -- writers queue here
  first := n;
  latest := clock_timestamp() + interval '5 minutes';
  IF latest < ANY (_at) AND EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal) THEN
    latest := 'infinity';
  END IF;

  -- Most groups are sound as they stand: what needs no table is looked at here, the rest is left to the unique indexes,
  -- and three inserts take all. `_registry` only as the last item, since whatever follows it was judged by an older one.
  plain := r = ALL (_judged) AND (t IS NULL OR _at[1] >= t) AND latest >= ALL (_at);
  FOR i IN 1 .. items LOOP
    EXIT WHEN NOT plain;
    plain := (i = items OR (NOT _registry[i] AND _at[i] <= _at[i + 1]))
      AND (_seqs[i] = 1 OR EXISTS (SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1));
  END LOOP;
  IF plain THEN
    BEGIN
      INSERT INTO log.streams (stream_id, name)
        SELECT z.stream_id, z.name FROM unnest(_streams, _names, _seqs) AS z (stream_id, name, seq) WHERE z.seq = 1;
      INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
        SELECT n + z.o - 1, z.seq, z.taken_at, z.stream_id, z.unit, z.act_id, z.author, z.registry, z.topic, z.entry, z.state
        FROM unnest(_streams, _seqs, _units, _acts, _author, _registry, _topics, _at, _entries, _states) WITH ORDINALITY
          AS z (stream_id, seq, unit, act_id, author, registry, topic, taken_at, entry, state, o);
      INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap)
        SELECT n + z.o - 1, _kek, z.stream_id, z.unit, z.wrap
        FROM unnest(_streams, _units, _wraps) WITH ORDINALITY AS z (stream_id, unit, wrap, o);
    EXCEPTION WHEN unique_violation THEN
      plain := false;  -- somebody is stale or taken: the loop below finds out who
    END;
  END IF;
  IF plain THEN
    n := n + items;
    t := _at[items];
    IF _registry[items] THEN r := n - 1; END IF;
    UPDATE log.log_head SET size = n, recorded_at = t, registry_index = r;
    PERFORM pg_notify('records', n::text);
    RETURN QUERY SELECT i, 'ok'::text, first + i - 1, n, t, r FROM generate_series(1, items) AS i;
    RETURN;
  END IF;

  FOR i IN 1 .. items LOOP
    item := i;
    place := NULL;
    IF EXISTS (SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i])
       OR (_seqs[i] > 1
           AND NOT EXISTS (SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1)) THEN
      status := 'stale';
    ELSIF _author[i] AND EXISTS (SELECT FROM log.records x WHERE x.act_id = _acts[i] AND x.author) THEN
      status := 'taken';
    ELSIF _judged[i] <> r THEN
      status := 'judge_again';
    ELSIF _at[i] < t THEN
      status := 'late';
    ELSIF _at[i] > latest THEN
      status := 'ahead';
    ELSE
      status := 'ok';
      place := n;
      IF _seqs[i] = 1 THEN
        INSERT INTO log.streams (stream_id, name) VALUES (_streams[i], _names[i]);
      END IF;
      INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
        VALUES (n, _seqs[i], _at[i], _streams[i], _units[i], _acts[i], _author[i], _registry[i], _topics[i], _entries[i], _states[i]);
      INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap) VALUES (n, _kek, _streams[i], _units[i], _wraps[i]);
      t := _at[i];
      IF _registry[i] THEN r := n; END IF;
      n := n + 1;
    END IF;
    head_size := n; head_at := t; head_registry := r;
    RETURN NEXT;
  END LOOP;
  IF n > first THEN
    UPDATE log.log_head SET size = n, recorded_at = t, registry_index = r;
    PERFORM pg_notify('records', n::text);
  END IF;
END $$;
