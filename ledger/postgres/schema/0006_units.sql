-- Units (access.md §1, A1): above ordinary a case has documents and annexes that are granted by name, and the whole case
-- does not show them. In ordinary nothing is of a unit, and nothing here reads otherwise.
--
-- What may stand as a unit · the append · row policies

-- == What may stand as a unit =======================================================================================

-- Whether a record of a case may be of this unit, where the one before it is of another: above ordinary of the case's own or
-- of one that an act names by a random id, and which of them is for whoever judges it. Asked only where the two differ, so an
-- ordinary enclave never asks.
CREATE FUNCTION log.is_unit_of(_unit uuid, _stream uuid, _before uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT _before <> '00000000-0000-0000-0000-000000000000'::uuid AND (_unit = _stream OR substr(_unit::text, 15, 1) = '4')
    AND EXISTS (SELECT FROM log.enclave e WHERE e.level <> 'ordinary')
$$;

-- == The append =====================================================================================================

-- As in the first schema (0001), whose words are not said again: the unit may change along a case, and is one of all
-- statements of an act.
CREATE OR REPLACE FUNCTION log.fits(
  _stream uuid, _name text, _seq bigint, _unit uuid, _act uuid, _author boolean, _registry boolean, _topic text,
  _at timestamptz, _entry bytea, _state bytea, _kek bytea, _wrap bytea
) RETURNS boolean LANGUAGE sql STABLE RETURN (
  _seq >= 1
  -- a stream begins with its author's statement, under a name of its kind and the id of that name
  AND (_seq > 1 OR (
    _author
    AND substr(_stream::text, 15, 1) = '5'
    AND _name ~ ('^(?:case/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
      || '|agency/[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?'
      || '|officer/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
      || '|programme/[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?'
      || '|ledger)$')
    AND (_unit = CASE WHEN starts_with(_name, 'case/') THEN _stream ELSE '00000000-0000-0000-0000-000000000000' END
      OR (starts_with(_name, 'case/') AND log.is_unit_of(_unit, _stream, _stream)))))
  AND substr(_act::text, 15, 1) = '4'
  AND _registry IS NOT NULL
  AND _topic = 'socai.statement.v1'
  AND isfinite(_at) AND date_trunc('milliseconds', _at) = _at
  AND octet_length(_entry) = 32
  -- a version byte, a nonce, a tag, and between them an envelope, which the last step of the padding holds, or a step
  AND CASE substring(_state FROM 1 FOR 1)
    WHEN '\x01' THEN octet_length(_state) BETWEEN 512 AND 29 + 262140
    WHEN '\x02' THEN octet_length(_state) - 29 IN (1024, 4096, 16384, 65536, 262144)
    ELSE false END
  AND octet_length(_kek) = 16
  AND octet_length(_wrap) = 77 AND substring(_wrap FROM 1 FOR 17) = '\x01'::bytea || _kek
);

CREATE OR REPLACE FUNCTION log.append(
  _streams uuid[], _names text[], _seqs bigint[], _units uuid[], _acts uuid[], _author boolean[],
  _registry boolean[], _judged bigint[], _topics text[], _at timestamptz[],
  _entries bytea[], _states bytea[], _kek bytea, _wraps bytea[],
  _of bigint[], _read uuid[], _upto bigint[], _names_of bigint[], _tags bytea[]
) RETURNS TABLE (item int, status text, place bigint, head_size bigint, head_at timestamptz, head_registry bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  n bigint; t timestamptz; r bigint; first bigint;
  earliest timestamptz;
  latest timestamptz;
  items int := cardinality(_streams);
  plain boolean;
  fit int;
BEGIN
  IF (items > 0 AND items = ALL (ARRAY[cardinality(_names), cardinality(_seqs), cardinality(_units), cardinality(_acts),
        cardinality(_author), cardinality(_registry), cardinality(_judged), cardinality(_topics), cardinality(_at),
        cardinality(_entries), cardinality(_states), cardinality(_wraps)])
      AND cardinality(_of) = ALL (ARRAY[cardinality(_read), cardinality(_upto)])
      AND cardinality(_names_of) = cardinality(_tags)) IS NOT TRUE THEN
    RAISE EXCEPTION 'the columns of a group are of one length' USING ERRCODE = 'data_exception';
  END IF;

  SELECT h.size, h.recorded_at, h.registry_index INTO STRICT n, t, r FROM log.log_head h FOR UPDATE;  -- writers queue here
  first := n;
  earliest := clock_timestamp() - interval '5 minutes';
  latest := clock_timestamp() + interval '5 minutes';
  IF (earliest > ANY (_at) OR latest < ANY (_at)) AND EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal) THEN
    earliest := '-infinity';
    latest := 'infinity';
  END IF;

  -- Most groups are sound as they stand: what needs no table is looked at here, the rest is left to the unique indexes,
  -- and three inserts take all. `_registry` only as the last item, since whatever follows it was judged by an older one.
  -- A group of which an item was judged by more than its stream and the registry goes item by item.
  plain := r = ALL (_judged) AND (t IS NULL OR _at[1] >= t) AND earliest <= ALL (_at) AND latest >= ALL (_at)
    AND cardinality(_of) = 0;
  FOR i IN 1 .. items LOOP
    EXIT WHEN plain IS NOT TRUE;
    plain := (i = items OR (NOT _registry[i] AND _at[i] <= _at[i + 1]))
      AND (_seqs[i] = 1 OR EXISTS (
        SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1
          AND (x.unit = _units[i] OR log.is_unit_of(_units[i], _streams[i], x.unit))))
      AND (_author[i] OR EXISTS (
        SELECT FROM log.records x WHERE x.act_id = _acts[i] AND x.author AND x.stream_id = _streams[i]
          AND x.unit = _units[i]));
  END LOOP;
  IF plain THEN
    BEGIN
      INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
        SELECT n + z.o - 1, z.seq, z.taken_at, z.stream_id, z.unit, z.act_id, z.author, z.registry, z.topic, z.entry, z.state
        FROM unnest(_streams, _names, _seqs, _units, _acts, _author, _registry, _topics, _at, _entries, _states, _wraps)
          WITH ORDINALITY AS z (stream_id, name, seq, unit, act_id, author, registry, topic, taken_at, entry, state, wrap, o)
        WHERE log.fits(z.stream_id, z.name, z.seq, z.unit, z.act_id, z.author, z.registry, z.topic, z.taken_at, z.entry,
          z.state, _kek, z.wrap);
      GET DIAGNOSTICS fit = ROW_COUNT;
      IF fit < items THEN
        RAISE check_violation;
      END IF;
      INSERT INTO log.streams (stream_id, name)
        SELECT z.stream_id, z.name FROM unnest(_streams, _names, _seqs) AS z (stream_id, name, seq) WHERE z.seq = 1;
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
    UPDATE log.log_head SET size = n, recorded_at = t, registry_index = r;
    RETURN QUERY SELECT i, 'ok'::text, first + i - 1, n, t, r FROM generate_series(1, items) AS i;
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
    UPDATE log.log_head SET size = n, recorded_at = t, registry_index = r;
  END IF;
END $$;

-- == Row policies ===================================================================================================

-- Whoever sees the whole case sees what is of the case's own unit; what is of another is shown act by act, to whom it names.
DROP POLICY ntk ON log.records;
CREATE POLICY ntk ON log.records FOR SELECT TO {slug}_reader USING (
  unit = '00000000-0000-0000-0000-000000000000'::uuid
  OR (SELECT true FROM sec.shown a
    WHERE a.comp = stream_id AND ((a.whole AND unit = stream_id) OR a.act = act_id) LIMIT 1));
