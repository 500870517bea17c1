-- The append: one call, one transaction, durable at COMMIT (architecture.md §3.4). The group is taken item by item,
-- so that one stale submitter never fails its neighbours. Statuses: `ok` with the index it got; `stale`, another
-- statement has this place of the stream; `taken`, the act id names another act; `judge_again`, the registry has
-- moved since the item was judged; `late`, it was sealed with a time before the last record's.

CREATE FUNCTION log.append(
  _streams uuid[], _names text[], _seqs bigint[], _units uuid[], _acts uuid[], _author boolean[],
  _registry boolean[], _judged bigint[], _topics text[], _at timestamptz[],
  _entries bytea[], _states bytea[], _kek bytea, _wraps bytea[]
) RETURNS TABLE (item int, status text, place bigint, head_size bigint, head_at timestamptz, head_registry bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  n bigint; t timestamptz; r bigint; first bigint;
  items int := cardinality(_streams);
  plain boolean;
BEGIN
  SELECT h.size, h.recorded_at, h.registry_index INTO STRICT n, t, r FROM log.log_head h FOR UPDATE;  -- writers queue here
  first := n;

  -- Most groups are sound as they stand: what needs no table is looked at here, the rest is left to the unique indexes,
  -- and three inserts take all. `_registry` only as the last item, since whatever follows it was judged by an older one.
  plain := r = ALL (_judged) AND (t IS NULL OR _at[1] >= t);
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
