-- The append for less again (architecture.md §3.4, ADR 103): what was refused is, and what stands there is the same.
--
-- The head was locked by a statement, looked at, and moved by another once all was written. Now a group that is sound as it stands takes its
-- places first, by the statement that finds the head as the group was judged, and is undone with all else where an item is not. What is
-- written is read out of the columns by number, where a set of twelve columns was made of them for each table; tags are not sorted, since a
-- tag that comes twice breaks the key like one that another stream has.

-- As in 0020.
CREATE OR REPLACE FUNCTION log.append(
  _streams uuid[], _names text[], _seqs bigint[], _units uuid[], _acts uuid[], _author boolean[],
  _registry boolean[], _judged bigint[], _topics text[], _at timestamptz[],
  _entries bytea[], _states bytea[], _kek bytea, _wraps bytea[],
  _of bigint[], _read uuid[], _upto bigint[], _names_of bigint[], _tags bytea[]
) RETURNS TABLE (item int, status text, place bigint, head_size bigint, head_at timestamptz, head_registry bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
  SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  n bigint; t timestamptz; r bigint; first bigint; known bytea;
  earliest timestamptz;
  latest timestamptz;
  items int := cardinality(_streams);
  written int;
BEGIN
  IF (items > 0 AND items = ALL (ARRAY[cardinality(_names), cardinality(_seqs), cardinality(_units), cardinality(_acts),
        cardinality(_author), cardinality(_registry), cardinality(_judged), cardinality(_topics), cardinality(_at),
        cardinality(_entries), cardinality(_states), cardinality(_wraps)])
      AND cardinality(_of) = ALL (ARRAY[cardinality(_read), cardinality(_upto)])
      AND cardinality(_names_of) = cardinality(_tags)) IS NOT TRUE THEN
    RAISE EXCEPTION 'the columns of a group are of one length' USING ERRCODE = 'data_exception';
  END IF;

  -- Most groups are sound as they stand. One statement takes their places, where the head names their key and nothing newer than what they
  -- were judged by; what else is to be asked of an item is asked by the statement that writes it, or left to the unique indexes. `_registry`
  -- only as the last item, since whatever follows it was judged by an older one. A group of which an item was judged by more than its stream
  -- and the registry goes item by item, and so does one that has two statements of a stream. Writers queue here. Whoever waited reads the
  -- row anew: of whoever ended an epoch meanwhile they find no name.
  BEGIN
    UPDATE log.log_head h
      SET size = h.size + items, recorded_at = _at[items],
        registry_index = CASE WHEN _registry[items] THEN h.size + items - 1 ELSE h.registry_index END
      WHERE h.kek_id = _kek AND h.registry_index = ALL (_judged) AND h.recorded_at <= ALL (_at) AND cardinality(_of) = 0
      RETURNING h.size, h.recorded_at, h.registry_index INTO n, t, r;
    IF NOT FOUND THEN
      RAISE check_violation;
    END IF;
    IF clock_timestamp() - interval '5 minutes' > ANY (_at) OR clock_timestamp() + interval '5 minutes' < ANY (_at) THEN
      IF NOT EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal) THEN
        RAISE check_violation;
      END IF;
    END IF;
    first := n - items;
    INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
      SELECT first + i - 1, _seqs[i], _at[i], _streams[i], _units[i], _acts[i], _author[i], _registry[i], _topics[i], _entries[i], _states[i]
      FROM unnest(_streams) WITH ORDINALITY AS z (stream_id, i)
      WHERE (i = 1 OR (NOT _registry[i - 1] AND _at[i - 1] <= _at[i]))
        AND log.fits(_streams[i], _names[i], _seqs[i], _units[i], _acts[i], _author[i], _registry[i], _topics[i], _at[i], _entries[i],
          _states[i], _kek, _wraps[i])
        AND (_seqs[i] = 1 OR EXISTS (
          SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1
            AND (x.unit = _units[i] OR log.is_unit_of(_units[i], _streams[i], x.unit))))
        AND (_author[i] OR EXISTS (
          SELECT FROM log.records x WHERE x.act_id = _acts[i] AND x.author AND x.stream_id = _streams[i]
            AND x.unit = _units[i]));
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written < items THEN
      RAISE check_violation;
    END IF;
    IF 1 = ANY (_seqs) THEN
      INSERT INTO log.streams (stream_id, name)
        SELECT _streams[i], _names[i] FROM unnest(_streams) WITH ORDINALITY AS z (stream_id, i) WHERE _seqs[i] = 1;
    END IF;
    INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap)
      SELECT first + i - 1, _kek, _streams[i], _units[i], _wraps[i] FROM unnest(_streams) WITH ORDINALITY AS z (stream_id, i);
    IF cardinality(_tags) > 0 THEN
      -- a tag that another stream has, here or in this group, is not left out and so breaks the key
      INSERT INTO log.tokens (tag, stream_id, index)
        SELECT z.tag, _streams[z.o], first + z.o - 1 FROM unnest(_names_of, _tags) AS z (o, tag)
        WHERE (SELECT k.stream_id FROM log.tokens k WHERE k.tag = z.tag) IS DISTINCT FROM _streams[z.o];
    END IF;
    status := 'ok'; head_size := n; head_at := t; head_registry := r;
    FOR i IN 1 .. items LOOP
      item := i; place := first + i - 1;
      RETURN NEXT;
    END LOOP;
    RETURN;
  EXCEPTION WHEN unique_violation OR check_violation THEN
    NULL;  -- somebody is stale, taken or unfit, or the head has moved: the loop below finds out who
  END;

  SELECT h.size, h.recorded_at, h.registry_index, h.kek_id INTO STRICT n, t, r, known FROM log.log_head h FOR UPDATE;  -- as above
  first := n;
  earliest := clock_timestamp() - interval '5 minutes';
  latest := clock_timestamp() + interval '5 minutes';
  IF (earliest > ANY (_at) OR latest < ANY (_at)) AND EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal) THEN
    earliest := '-infinity';
    latest := 'infinity';
  END IF;
  FOR i IN 1 .. items LOOP
    item := i;
    place := NULL;
    IF log.fits(_streams[i], _names[i], _seqs[i], _units[i], _acts[i], _author[i], _registry[i], _topics[i], _at[i],
        _entries[i], _states[i], _kek, _wraps[i]) IS NOT TRUE THEN
      status := 'unfit';
    ELSIF EXISTS (SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i])
       OR (_seqs[i] > 1
           AND NOT EXISTS (SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1)) THEN
      status := 'stale';
    ELSIF _author[i] AND EXISTS (SELECT FROM log.records x WHERE x.act_id = _acts[i] AND x.author) THEN
      status := 'taken';
    ELSIF (_seqs[i] > 1 AND NOT EXISTS (
          SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1
          AND (x.unit = _units[i] OR log.is_unit_of(_units[i], _streams[i], x.unit))))
       OR (NOT _author[i] AND NOT EXISTS (
          SELECT FROM log.records x WHERE x.act_id = _acts[i] AND x.author AND x.stream_id = _streams[i]
          AND x.unit = _units[i])) THEN
      status := 'unfit';
    ELSIF (_judged[i] = r) IS NOT TRUE
       OR EXISTS (
          SELECT FROM unnest(_of, _read, _upto) AS z (o, stream_id, upto)
          WHERE z.o = i AND CASE z.stream_id WHEN '00000000-0000-0000-0000-000000000000' THEN EXISTS (
              SELECT FROM log.records x JOIN log.streams s ON s.stream_id = x.stream_id
              WHERE x.index > z.upto AND starts_with(s.name, 'programme/'))
            ELSE EXISTS (SELECT FROM log.records x WHERE x.stream_id = z.stream_id AND x.seq > z.upto) END)
       OR EXISTS (
          SELECT FROM unnest(_names_of, _tags) AS z (o, tag) JOIN log.tokens k ON k.tag = z.tag
          WHERE z.o = i AND k.stream_id <> _streams[i]) THEN
      status := 'judge_again';
    ELSIF _at[i] < t THEN
      status := 'late';
    ELSIF _at[i] NOT BETWEEN earliest AND latest THEN
      status := 'apart';
    ELSE
      status := 'ok';
      place := n;
      IF _seqs[i] = 1 THEN
        INSERT INTO log.streams (stream_id, name) VALUES (_streams[i], _names[i]);
      END IF;
      INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
        VALUES (n, _seqs[i], _at[i], _streams[i], _units[i], _acts[i], _author[i], _registry[i], _topics[i], _entries[i], _states[i]);
      INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap) VALUES (n, _kek, _streams[i], _units[i], _wraps[i]);
      INSERT INTO log.tokens (tag, stream_id, index)
        SELECT z.tag, _streams[i], n FROM unnest(_names_of, _tags) AS z (o, tag) WHERE z.o = i ON CONFLICT DO NOTHING;
      t := _at[i];
      IF _registry[i] THEN r := n; END IF;
      n := n + 1;
    END IF;
    head_size := n; head_at := t; head_registry := r;
    RETURN NEXT;
  END LOOP;
  IF n > first THEN
    IF known IS DISTINCT FROM _kek THEN PERFORM log.require_in_force(_kek); END IF;
    UPDATE log.log_head SET size = n, recorded_at = t, registry_index = r, kek_id = _kek;
  END IF;
END $$;
