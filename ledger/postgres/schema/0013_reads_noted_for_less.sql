-- A row of the log of reads for less (access.md §6, ADR 51): what was refused is, and what stands there is the same.
--
-- By 0003 and 0004 a row took ten statements of its function, of its trigger, and of those that said whether this is the log that was
-- seen; to begin and to end one costs the database more than what it does. Now it takes two: one that takes the next place, or none,
-- and one that writes.

DROP FUNCTION access.append(uuid, text, bigint, timestamptz, uuid[], bytea[], bytea[], bytea, bytea[], bigint[], bytea[]);

-- As in 0003, where the tables' own checks stand for half of what is refused, and a name is looked at where it is written. And
-- `elsewhere`: the row that was seen at an index (`_seen`, its entry `_entry`) does not stand there. Whoever takes the
-- place waits here for whoever notes anything. Of two that take one place at once the second is ended by `records_stream_seq`: what is
-- looked up is of before the wait. Whether the epoch of a key is over is looked up behind it, since it ends under the same lock.
CREATE FUNCTION access.append(
  _stream uuid, _name text, _seq bigint, _at timestamptz, _ids uuid[], _entries bytea[], _states bytea[], _kek bytea,
  _wraps bytea[], _of bigint[], _tags bytea[], _seen bigint DEFAULT NULL, _entry bytea DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
  head access.log_head;
  items CONSTANT int := cardinality(_ids);
  sound boolean;
  over boolean;
BEGIN
  sound := items BETWEEN 1 AND 1000
    AND items = ALL (ARRAY[cardinality(_entries), cardinality(_states), cardinality(_wraps)])
    AND cardinality(_of) = cardinality(_tags) AND 1 <= ALL (_of) AND items >= ALL (_of)
    AND date_trunc('milliseconds', _at) = _at;
  FOR i IN 1 .. CASE WHEN sound THEN items ELSE 0 END LOOP
    EXIT WHEN sound IS NOT TRUE;
    sound := substr(_ids[i]::text, 15, 1) = '4'
      AND CASE substring(_states[i] FROM 1 FOR 1)
        WHEN '\x01' THEN octet_length(_states[i]) BETWEEN 512 AND 29 + 65536
        WHEN '\x02' THEN octet_length(_states[i]) - 29 IN (1024, 4096, 16384, 65536)
        ELSE false END
      AND substring(_wraps[i] FROM 1 FOR 17) = '\x01'::bytea || _kek;
  END LOOP;
  IF sound AND _seq = 1 THEN
    sound := substr(_stream::text, 15, 1) = '5'
      AND _name ~ '^(?:reads/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|ledger)$';
  END IF;
  IF sound IS NOT TRUE THEN
    RAISE EXCEPTION 'these are no rows of a log of reads' USING ERRCODE = 'check_violation';
  END IF;

  UPDATE access.log_head h SET size = h.size + items, recorded_at = _at
    WHERE CASE WHEN h.size = 0 THEN _name = 'ledger' AND items = 1 ELSE _name <> 'ledger' AND h.recorded_at <= _at END
      AND (_seen IS NULL OR _entry = (SELECT r.entry FROM access.records r WHERE r.index = _seen))
      AND coalesce((SELECT r.seq FROM access.records r WHERE r.stream_id = _stream ORDER BY r.seq DESC LIMIT 1), 0) = _seq - 1
      AND (_at BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() + interval '5 minutes'
        OR EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal))
    RETURNING h.size - items INTO n;
  IF n IS NULL THEN  -- nothing is written, and here is why
    SELECT * INTO STRICT head FROM access.log_head;
    IF (head.size = 0) <> (_name = 'ledger') OR (head.size = 0 AND items > 1) THEN
      RAISE EXCEPTION 'the first row opens the log, and no other' USING ERRCODE = 'check_violation';
    END IF;
    IF _seen IS NOT NULL AND _entry IS DISTINCT FROM (SELECT r.entry FROM access.records r WHERE r.index = _seen) THEN
      RETURN 'elsewhere';
    END IF;
    IF coalesce((SELECT max(r.seq) FROM access.records r WHERE r.stream_id = _stream), 0) <> _seq - 1 THEN
      RETURN 'stale';
    END IF;
    RETURN CASE WHEN _at < head.recorded_at THEN 'late' ELSE 'apart' END;
  END IF;

  IF _seq = 1 THEN
    INSERT INTO access.streams (stream_id, name) VALUES (_stream, _name) ON CONFLICT DO NOTHING;
  END IF;
  WITH of_records AS (
    INSERT INTO access.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
      SELECT n + z.i - 1, _seq + z.i - 1, _at, _stream, '00000000-0000-0000-0000-000000000000', _ids[z.i], true, false,
        'socai.statement.v1', _entries[z.i], _states[z.i]
      FROM (SELECT generate_series(1, items)) AS z (i)
  ), of_wraps AS (
    INSERT INTO access.wraps (index, kek_id, stream_id, unit, wrap)
      SELECT n + z.i - 1, _kek, _stream, '00000000-0000-0000-0000-000000000000', _wraps[z.i]
      FROM (SELECT generate_series(1, items)) AS z (i)
  ), of_tags AS (
    INSERT INTO access.tags (tag, index) SELECT unnest(_tags), n + unnest(_of) - 1
  )
  SELECT EXISTS (SELECT FROM log.epochs e WHERE e.before = _kek AND e.closed_at IS NOT NULL)
    OR EXISTS (SELECT FROM log.epochs_given_up g WHERE g.kek_id = _kek AND log.is_given_up(g.kek_id)) INTO over;
  IF over THEN  -- as log.refuse_closed: whoever still had the key takes the one in force and tries again
    RAISE EXCEPTION 'the epoch of this key is over' USING ERRCODE = 'lock_not_available';
  END IF;
  RETURN 'ok';
END $$;

-- The only function that adds a wrap asks itself; one that moves it is held by `keeps`.
DROP TRIGGER in_force ON access.wraps;

GRANT EXECUTE ON FUNCTION
  access.append(uuid, text, bigint, timestamptz, uuid[], bytea[], bytea[], bytea, bytea[], bigint[], bytea[], bigint, bytea)
  TO {slug}_reader;
