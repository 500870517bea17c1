-- A row of the log of reads for less still (access.md §6, ADR 90): what was refused is, and what stands there is the same.
--
-- The database reads a table's checks out of its catalogue for every statement that writes there: of what a row cost it, a twelfth. No
-- login writes these tables but by the two functions below (a wrap is moved by the turn of an epoch, held by `keeps`): they ask of what
-- they are given what the checks asked, and what they write of themselves (unit, topic, that a row has an author and is none of the
-- registry's) stands in their text. That the log only grows is asked as before.

ALTER TABLE access.records
  DROP CONSTRAINT records_index_check, DROP CONSTRAINT records_seq_check, DROP CONSTRAINT records_recorded_at_check,
  DROP CONSTRAINT records_unit_check, DROP CONSTRAINT records_author_check, DROP CONSTRAINT records_registry_check,
  DROP CONSTRAINT records_topic_check, DROP CONSTRAINT records_entry_check;
ALTER TABLE access.wraps DROP CONSTRAINT wraps_kek_id_check, DROP CONSTRAINT wraps_wrap_check;
ALTER TABLE access.tags DROP CONSTRAINT tags_tag_check, DROP CONSTRAINT tags_index_check;
ALTER TABLE access.log_head
  DROP CONSTRAINT log_head_one_check, DROP CONSTRAINT log_head_size_check, DROP CONSTRAINT log_head_recorded_at_check,
  DROP CONSTRAINT log_head_registry_index_check, DROP CONSTRAINT log_head_time;

-- Why an append took nothing; what no honest process asks for is refused.
CREATE FUNCTION access.refusal(
  _stream uuid, _name text, _seq bigint, _at timestamptz, _items int, _seen bigint, _entry bytea
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  head access.log_head;
BEGIN
  SELECT * INTO STRICT head FROM access.log_head;
  IF (head.size = 0) <> (_name = 'ledger') OR (head.size = 0 AND _items > 1) THEN
    RAISE EXCEPTION 'the first row opens the log, and no other' USING ERRCODE = 'check_violation';
  END IF;
  IF _seen IS NOT NULL AND _entry IS DISTINCT FROM (SELECT r.entry FROM access.records r WHERE r.index = _seen) THEN
    RETURN 'elsewhere';
  END IF;
  IF coalesce((SELECT max(r.seq) FROM access.records r WHERE r.stream_id = _stream), 0) <> _seq - 1 THEN
    RETURN 'stale';
  END IF;
  RETURN CASE WHEN _at < head.recorded_at THEN 'late' ELSE 'apart' END;
END $$;

-- As in 0013, and with the checks of the tables it writes.
CREATE OR REPLACE FUNCTION access.append(
  _stream uuid, _name text, _seq bigint, _at timestamptz, _ids uuid[], _entries bytea[], _states bytea[], _kek bytea,
  _wraps bytea[], _of bigint[], _tags bytea[], _seen bigint DEFAULT NULL, _entry bytea DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
  items CONSTANT int := cardinality(_ids);
  sound boolean;
  over boolean;
BEGIN
  sound := items BETWEEN 1 AND 1000
    AND items = ALL (ARRAY[cardinality(_entries), cardinality(_states), cardinality(_wraps)])
    AND cardinality(_of) = cardinality(_tags) AND 1 <= ALL (_of) AND items >= ALL (_of)
    AND isfinite(_at) AND date_trunc('milliseconds', _at) = _at;
  FOR i IN 1 .. CASE WHEN sound THEN items ELSE 0 END LOOP
    EXIT WHEN sound IS NOT TRUE;
    sound := substr(_ids[i]::text, 15, 1) = '4' AND octet_length(_entries[i]) = 32
      AND CASE substring(_states[i] FROM 1 FOR 1)
        WHEN '\x01' THEN octet_length(_states[i]) BETWEEN 512 AND 29 + 65536
        WHEN '\x02' THEN octet_length(_states[i]) - 29 IN (1024, 4096, 16384, 65536)
        ELSE false END
      AND octet_length(_wraps[i]) = 77 AND substring(_wraps[i] FROM 1 FOR 17) = '\x01'::bytea || _kek;
  END LOOP;
  FOR i IN 1 .. CASE WHEN sound THEN cardinality(_tags) ELSE 0 END LOOP
    EXIT WHEN sound IS NOT TRUE;
    sound := octet_length(_tags[i]) = 32;
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
    RETURN access.refusal(_stream, _name, _seq, _at, items, _seen, _entry);
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

-- The same of one row, as most that are noted are: without arrays, which cost what the row itself does. What is asked is what
-- `append` asks, word for word.
CREATE FUNCTION access.append_one(
  _stream uuid, _name text, _seq bigint, _at timestamptz, _id uuid, _entry bytea, _state bytea, _wrap bytea, _tags bytea[],
  _seen bigint DEFAULT NULL, _there bytea DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
  kek CONSTANT bytea := substring(_wrap FROM 2 FOR 16);
  sound boolean;
  over boolean;
BEGIN
  sound := isfinite(_at) AND date_trunc('milliseconds', _at) = _at
    AND substr(_id::text, 15, 1) = '4' AND octet_length(_entry) = 32
    AND CASE substring(_state FROM 1 FOR 1)
      WHEN '\x01' THEN octet_length(_state) BETWEEN 512 AND 29 + 65536
      WHEN '\x02' THEN octet_length(_state) - 29 IN (1024, 4096, 16384, 65536)
      ELSE false END
    AND octet_length(_wrap) = 77 AND substring(_wrap FROM 1 FOR 1) = '\x01'
    AND cardinality(_tags) >= 0;
  FOR i IN 1 .. CASE WHEN sound THEN cardinality(_tags) ELSE 0 END LOOP
    EXIT WHEN sound IS NOT TRUE;
    sound := octet_length(_tags[i]) = 32;
  END LOOP;
  IF sound AND _seq = 1 THEN
    sound := substr(_stream::text, 15, 1) = '5'
      AND _name ~ '^(?:reads/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|ledger)$';
  END IF;
  IF sound IS NOT TRUE THEN
    RAISE EXCEPTION 'this is no row of a log of reads' USING ERRCODE = 'check_violation';
  END IF;

  UPDATE access.log_head h SET size = h.size + 1, recorded_at = _at
    WHERE CASE WHEN h.size = 0 THEN _name = 'ledger' ELSE _name <> 'ledger' AND h.recorded_at <= _at END
      AND (_seen IS NULL OR _there = (SELECT r.entry FROM access.records r WHERE r.index = _seen))
      AND coalesce((SELECT r.seq FROM access.records r WHERE r.stream_id = _stream ORDER BY r.seq DESC LIMIT 1), 0) = _seq - 1
      AND (_at BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() + interval '5 minutes'
        OR EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal))
    RETURNING h.size - 1 INTO n;
  IF n IS NULL THEN
    RETURN access.refusal(_stream, _name, _seq, _at, 1, _seen, _there);
  END IF;

  IF _seq = 1 THEN
    INSERT INTO access.streams (stream_id, name) VALUES (_stream, _name) ON CONFLICT DO NOTHING;
  END IF;
  WITH of_records AS (
    INSERT INTO access.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
      VALUES (n, _seq, _at, _stream, '00000000-0000-0000-0000-000000000000', _id, true, false, 'socai.statement.v1', _entry, _state)
  ), of_wraps AS (
    INSERT INTO access.wraps (index, kek_id, stream_id, unit, wrap)
      VALUES (n, kek, _stream, '00000000-0000-0000-0000-000000000000', _wrap)
  ), of_tags AS (
    INSERT INTO access.tags (tag, index) SELECT unnest(_tags), n
  )
  SELECT EXISTS (SELECT FROM log.epochs e WHERE e.before = kek AND e.closed_at IS NOT NULL)
    OR EXISTS (SELECT FROM log.epochs_given_up g WHERE g.kek_id = kek AND log.is_given_up(g.kek_id)) INTO over;
  IF over THEN  -- as in `append`
    RAISE EXCEPTION 'the epoch of this key is over' USING ERRCODE = 'lock_not_available';
  END IF;
  RETURN 'ok';
END $$;

GRANT EXECUTE ON FUNCTION
  access.append_one(uuid, text, bigint, timestamptz, uuid, bytea, bytea, bytea, bytea[], bigint, bytea) TO {slug}_reader;
