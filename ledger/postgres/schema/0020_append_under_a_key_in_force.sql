-- The append for less still (architecture.md §3.4, ADR 101): what was refused is, and what stands there is the same.
--
-- Whether the epoch of the key is over was looked up by every call in two tables, behind the lock: of what the call of a lone act costs the
-- database, a twelfth. Now the head names the key of which that was asked last, as that of the log of reads does (0018), and whoever ends
-- an epoch takes the name away under the lock for which appends wait: while it stands nothing ended.

ALTER TABLE log.log_head ADD COLUMN kek_id bytea;

-- As in 0018: each of them takes the name away where it took the lock alone.
DO $$
DECLARE
  one regproc;
  said text;
BEGIN
  FOREACH one IN ARRAY ARRAY['log.close_epoch', 'log.give_up_epoch']::regproc[] LOOP
    said := replace(pg_get_functiondef(one), 'PERFORM FROM log.log_head FOR UPDATE;', 'UPDATE log.log_head SET kek_id = NULL;');
    IF strpos(said, 'log.log_head SET kek_id = NULL;  -- whoever appends waits') = 0 THEN
      RAISE EXCEPTION '% takes no lock of the log', one;
    END IF;
    EXECUTE said;
  END LOOP;
END $$;

-- As log.refuse_closed: whoever still had the key takes the one in force and tries again.
CREATE FUNCTION log.require_in_force(_kek bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM log.epochs e WHERE e.before = _kek AND e.closed_at IS NOT NULL)
      OR EXISTS (SELECT FROM log.epochs_given_up g WHERE g.kek_id = _kek AND log.is_given_up(g.kek_id)) THEN
    RAISE EXCEPTION 'the epoch of this key is over' USING ERRCODE = 'lock_not_available';
  END IF;
END $$;

-- As in 0017. The epochs are asked by statements that begin under the lock.
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
  plain boolean;
  written int;
BEGIN
  IF (items > 0 AND items = ALL (ARRAY[cardinality(_names), cardinality(_seqs), cardinality(_units), cardinality(_acts),
        cardinality(_author), cardinality(_registry), cardinality(_judged), cardinality(_topics), cardinality(_at),
        cardinality(_entries), cardinality(_states), cardinality(_wraps)])
      AND cardinality(_of) = ALL (ARRAY[cardinality(_read), cardinality(_upto)])
      AND cardinality(_names_of) = cardinality(_tags)) IS NOT TRUE THEN
    RAISE EXCEPTION 'the columns of a group are of one length' USING ERRCODE = 'data_exception';
  END IF;

  -- Writers queue here. Whoever waited reads the row anew: of whoever ended an epoch meanwhile they find no name.
  SELECT h.size, h.recorded_at, h.registry_index, h.kek_id INTO STRICT n, t, r, known FROM log.log_head h FOR UPDATE;
  first := n;
  earliest := clock_timestamp() - interval '5 minutes';
  latest := clock_timestamp() + interval '5 minutes';
  IF (earliest > ANY (_at) OR latest < ANY (_at)) AND EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal) THEN
    earliest := '-infinity';
    latest := 'infinity';
  END IF;

  -- Most groups are sound as they stand: what needs no table is looked at here, the rest is left to the statements that write and to
  -- the unique indexes. `_registry` only as the last item, since whatever follows it was judged by an older one.
  -- A group of which an item was judged by more than its stream and the registry goes item by item, and so does one that has two
  -- statements of a stream.
  plain := r = ALL (_judged) AND (t IS NULL OR _at[1] >= t) AND earliest <= ALL (_at) AND latest >= ALL (_at)
    AND cardinality(_of) = 0;
  FOR i IN 2 .. items LOOP
    EXIT WHEN plain IS NOT TRUE;
    plain := NOT _registry[i - 1] AND _at[i - 1] <= _at[i];
  END LOOP;
  IF plain THEN
    BEGIN
      INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
        SELECT n + z.o - 1, z.seq, z.taken_at, z.stream_id, z.unit, z.act_id, z.author, z.registry, z.topic, z.entry, z.state
        FROM unnest(_streams, _names, _seqs, _units, _acts, _author, _registry, _topics, _at, _entries, _states, _wraps)
          WITH ORDINALITY AS z (stream_id, name, seq, unit, act_id, author, registry, topic, taken_at, entry, state, wrap, o)
        WHERE log.fits(z.stream_id, z.name, z.seq, z.unit, z.act_id, z.author, z.registry, z.topic, z.taken_at, z.entry,
            z.state, _kek, z.wrap)
          AND (z.seq = 1 OR EXISTS (
            SELECT FROM log.records x WHERE x.stream_id = z.stream_id AND x.seq = z.seq - 1
              AND (x.unit = z.unit OR log.is_unit_of(z.unit, z.stream_id, x.unit))))
          AND (z.author OR EXISTS (
            SELECT FROM log.records x WHERE x.act_id = z.act_id AND x.author AND x.stream_id = z.stream_id
              AND x.unit = z.unit));
      GET DIAGNOSTICS written = ROW_COUNT;
      IF written < items THEN
        RAISE check_violation;
      END IF;
      IF 1 = ANY (_seqs) THEN
        INSERT INTO log.streams (stream_id, name)
          SELECT z.stream_id, z.name FROM unnest(_streams, _names, _seqs) AS z (stream_id, name, seq) WHERE z.seq = 1;
      END IF;
      INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap)
        SELECT n + z.o - 1, _kek, z.stream_id, z.unit, z.wrap
        FROM unnest(_streams, _units, _wraps) WITH ORDINALITY AS z (stream_id, unit, wrap, o);
      IF cardinality(_tags) > 0 THEN
        -- a tag that another stream has, here or in this group, is not left out and so breaks the key
        INSERT INTO log.tokens (tag, stream_id, index)
          SELECT z.tag, _streams[z.o], min(n + z.o - 1) FROM unnest(_names_of, _tags) AS z (o, tag)
          WHERE NOT EXISTS (SELECT FROM log.tokens k WHERE k.tag = z.tag AND k.stream_id = _streams[z.o])
          GROUP BY 1, 2;
      END IF;
    EXCEPTION WHEN unique_violation OR check_violation THEN
      plain := false;  -- somebody is stale, taken or unfit: the loop below finds out who
    END;
  END IF;
  IF plain THEN
    n := n + items;
    t := _at[items];
    IF _registry[items] THEN r := n - 1; END IF;
    IF known IS DISTINCT FROM _kek THEN PERFORM log.require_in_force(_kek); END IF;
    UPDATE log.log_head SET size = n, recorded_at = t, registry_index = r, kek_id = _kek;
    status := 'ok'; head_size := n; head_at := t; head_registry := r;
    FOR i IN 1 .. items LOOP
      item := i; place := first + i - 1;
      RETURN NEXT;
    END LOOP;
    RETURN;
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
