-- A row of the log of reads for less again (access.md §6, ADR 96): what was refused is, and what stands there is the same.
--
-- Whether the epoch of its key is over was looked up for each row in two tables, behind the lock: of what a row cost the database, a
-- twelfth. Now the head names the key of which that was asked last, and whoever ends an epoch takes the name away under the lock for which
-- rows wait: while it stands nothing ended. And one statement takes the place and writes there; the tags come one behind the other.

ALTER TABLE access.log_head ADD COLUMN kek_id bytea;

-- As in 0006: each of them takes the name away where it took the lock alone.
DO $$
DECLARE
  one regproc;
  said text;
BEGIN
  FOREACH one IN ARRAY ARRAY['log.close_epoch', 'log.give_up_epoch']::regproc[] LOOP
    said := replace(pg_get_functiondef(one), 'PERFORM FROM access.log_head FOR UPDATE;', 'UPDATE access.log_head SET kek_id = NULL;');
    IF strpos(said, 'access.log_head SET kek_id = NULL') = 0 THEN
      RAISE EXCEPTION '% takes no lock of the log of reads', one;
    END IF;
    EXECUTE said;
  END LOOP;
END $$;

-- As in 0003, behind the update and not before it, where the database locks the row once more to show it: a refusal undoes it all the same.
DROP TRIGGER grows ON access.log_head;
CREATE TRIGGER grows AFTER UPDATE ON access.log_head FOR EACH ROW
  WHEN (NEW.size < OLD.size OR NEW.recorded_at < OLD.recorded_at) EXECUTE FUNCTION access.refuse();

DROP FUNCTION access.append_one(uuid, text, bigint, timestamptz, uuid, bytea, bytea, bytea, bytea[], bigint, bytea);

-- As in 0014. Whoever waited for whoever ended an epoch finds another name, or none, since the row of the head is read anew then;
-- the epochs are not: so they are asked by a statement that begins under the lock, and the place is taken by another.
CREATE FUNCTION access.append_one(
  _stream uuid, _name text, _seq bigint, _at timestamptz, _id uuid, _entry bytea, _state bytea, _wrap bytea, _tags bytea,
  _seen bigint DEFAULT NULL, _there bytea DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
  kek CONSTANT bytea := substring(_wrap FROM 2 FOR 16);
  sound boolean;
  asked boolean := false;
BEGIN
  sound := isfinite(_at) AND date_trunc('milliseconds', _at) = _at
    AND substr(_id::text, 15, 1) = '4' AND octet_length(_entry) = 32
    AND CASE substring(_state FROM 1 FOR 1)
      WHEN '\x01' THEN octet_length(_state) BETWEEN 512 AND 29 + 65536
      WHEN '\x02' THEN octet_length(_state) - 29 IN (1024, 4096, 16384, 65536)
      ELSE false END
    AND octet_length(_wrap) = 77 AND substring(_wrap FROM 1 FOR 1) = '\x01'
    AND octet_length(_tags) % 32 = 0;
  IF sound AND _seq = 1 THEN
    sound := substr(_stream::text, 15, 1) = '5'
      AND _name ~ '^(?:reads/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|ledger)$';
  END IF;
  IF sound IS NOT TRUE THEN
    RAISE EXCEPTION 'this is no row of a log of reads' USING ERRCODE = 'check_violation';
  END IF;

  LOOP
    WITH head AS (
      UPDATE access.log_head h SET size = h.size + 1, recorded_at = _at, kek_id = kek
        WHERE (asked OR h.kek_id = kek)
          AND CASE WHEN h.size = 0 THEN _name = 'ledger' ELSE _name <> 'ledger' AND h.recorded_at <= _at END
          AND (_seen IS NULL OR _there = (SELECT r.entry FROM access.records r WHERE r.index = _seen))
          AND coalesce((SELECT r.seq FROM access.records r WHERE r.stream_id = _stream ORDER BY r.seq DESC LIMIT 1), 0) = _seq - 1
          AND (_at BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() + interval '5 minutes'
            OR EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal))
        RETURNING h.size - 1 AS place
    ), of_records AS (
      INSERT INTO access.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
        SELECT place, _seq, _at, _stream, '00000000-0000-0000-0000-000000000000', _id, true, false, 'socai.statement.v1', _entry,
          _state FROM head
    ), of_wraps AS (
      INSERT INTO access.wraps (index, kek_id, stream_id, unit, wrap)
        SELECT place, kek, _stream, '00000000-0000-0000-0000-000000000000', _wrap FROM head
    ), of_tags AS (
      INSERT INTO access.tags (tag, index)
        SELECT substring(_tags FROM generate_series(1, octet_length(_tags), 32) FOR 32), place FROM head
    )
    SELECT place FROM head INTO n;
    EXIT WHEN n IS NOT NULL OR asked;
    PERFORM FROM access.log_head FOR UPDATE;
    IF EXISTS (SELECT FROM log.epochs e WHERE e.before = kek AND e.closed_at IS NOT NULL)
        OR EXISTS (SELECT FROM log.epochs_given_up g WHERE g.kek_id = kek AND log.is_given_up(g.kek_id)) THEN
      RAISE EXCEPTION 'the epoch of this key is over' USING ERRCODE = 'lock_not_available';  -- as in `append`
    END IF;
    asked := true;
  END LOOP;
  IF n IS NULL THEN
    RETURN access.refusal(_stream, _name, _seq, _at, 1, _seen, _there);
  END IF;
  IF _seq = 1 THEN
    INSERT INTO access.streams (stream_id, name) VALUES (_stream, _name) ON CONFLICT DO NOTHING;
  END IF;
  RETURN 'ok';
END $$;

GRANT EXECUTE ON FUNCTION
  access.append_one(uuid, text, bigint, timestamptz, uuid, bytea, bytea, bytea, bytea, bigint, bytea) TO {slug}_reader;
