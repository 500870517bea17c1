-- Files of acts in the mirror (formats.md §11, access.md F15; ADR 72), and what the publisher reads of the own ones.
--
-- Files · taking in · reading · append-only · grants

-- == Files =========================================================================================================

-- A file that an act of a mirrored record lists: the n-th of its list, sealed under a key that is made of the record's own, so
-- that it opens as long as that does, and turns and goes with its wrap. Empty where the file did not come.
CREATE TABLE mirror.files (
  origin text NOT NULL,
  index bigint NOT NULL CHECK (index >= 0),
  n int NOT NULL CHECK (n >= 0),
  state bytea NOT NULL CHECK (octet_length(state) <= 8500000),
  PRIMARY KEY (origin, index, n)
);
ALTER TABLE mirror.files ALTER COLUMN state SET STORAGE EXTERNAL;

-- == Taking in =====================================================================================================

-- As before, with its files. What an act below erases goes with the record that brought it.
DROP FUNCTION mirror.take(text, bigint, bigint, bytea, bytea, text[], uuid[], bigint[], uuid[], uuid[], boolean[],
  boolean[], uuid[], timestamptz[], bytea[], bytea[], bytea[], boolean[], text[], uuid[], bigint[], bytea[], uuid[], bigint[],
  bigint[], uuid[]);
CREATE FUNCTION mirror.take(_origin text, _start bigint, _at bigint, _note bytea, _root bytea, _names text[], _streams uuid[],
  _seqs bigint[], _acts uuid[], _refs uuid[], _authors boolean[], _registry boolean[], _units uuid[], _times timestamptz[], _entries bytea[], _states bytea[],
  _wraps bytea[], _unread boolean[], _asides text[], _erased_by uuid[], _erased_at bigint[], _tags bytea[], _tag_streams uuid[],
  _tag_indices bigint[], _gone bigint[], _gone_by uuid[], _file_indices bigint[], _file_ns int[],
  _file_states bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stands mirror.logs;
  added bigint := cardinality(_entries);
BEGIN
  IF num_nulls(_origin, _start, _at, _note, _root, _names, _streams, _seqs, _acts, _refs, _authors, _registry, _units, _times, _entries, _states, _wraps,
      _unread, _asides, _erased_by, _erased_at, _tags, _tag_streams, _tag_indices, _gone, _gone_by, _file_indices, _file_ns, _file_states) > 0 THEN
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
  INSERT INTO mirror.files (origin, index, n, state)
    SELECT _origin, z.index, z.n, z.state FROM unnest(_file_indices, _file_ns, _file_states) AS z (index, n, state);
  INSERT INTO mirror.erased (origin, index, act_id)
    SELECT _origin, z.index, z.act FROM unnest(_gone, _gone_by) AS z (index, act) ON CONFLICT DO NOTHING;
  DELETE FROM mirror.wraps w WHERE w.origin = _origin AND w.index = ANY (_gone);
  DELETE FROM mirror.files f WHERE f.origin = _origin AND f.index = ANY (_gone);
  DELETE FROM log.wraps_aside a WHERE a.of = 'mirrored' AND a.origin = _origin AND a.index = ANY (_gone);
  INSERT INTO mirror.segments (origin, at, size, root) VALUES (_origin, _at, _start + added, _root);
  UPDATE mirror.logs SET size = size + added, at = _at, note = _note,
    recorded_at = coalesce(_times[added], recorded_at),
    registry_index = coalesce((SELECT max(_start + z.o - 1) FROM unnest(_registry) WITH ORDINALITY AS z (changes, o)
      WHERE z.changes), registry_index)
    WHERE origin = _origin;
END $$;

-- == Reading =======================================================================================================

ALTER TABLE mirror.files ENABLE ROW LEVEL SECURITY;
CREATE POLICY whole ON mirror.files FOR SELECT TO {slug}_importer USING (true);
CREATE POLICY ntk ON mirror.files FOR SELECT TO {slug}_reader USING (
  (SELECT true FROM mirror.records r WHERE r.origin = files.origin AND r.index = files.index));

-- == Append-only ===================================================================================================

CREATE FUNCTION mirror.keep_file() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM mirror.erased e WHERE e.origin = OLD.origin AND e.index = OLD.index) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE TRUNCATE ON mirror.files EXECUTE FUNCTION mirror.refuse();
CREATE TRIGGER keeps BEFORE UPDATE OR DELETE ON mirror.files FOR EACH ROW EXECUTE FUNCTION mirror.keep_file();

-- == Grants ========================================================================================================

GRANT SELECT (origin, index, n, state) ON mirror.files TO {slug}_importer, {slug}_reader;
GRANT SELECT ON mirror.files TO {slug}_backup;  -- a dump asks for the whole table
GRANT EXECUTE ON FUNCTION mirror.take(text, bigint, bigint, bytea, bytea, text[], uuid[], bigint[], uuid[], uuid[], boolean[],
  boolean[], uuid[], timestamptz[], bytea[], bytea[], bytea[], boolean[], text[], uuid[], bigint[], bytea[], uuid[], bigint[],
  bigint[], uuid[],
  bigint[], int[], bytea[]) TO {slug}_importer;

-- The publisher reads the files of acts, and notes nothing: what goes up goes with the log, and not to somebody.
GRANT SELECT (name, tag) ON log.files TO {slug}_publisher;
GRANT SELECT (place, name, seq, entry, state) ON log.custody TO {slug}_publisher;
GRANT SELECT (name, seq, kek_id, wrap) ON log.file_wraps TO {slug}_publisher;
GRANT SELECT (one, wrap) ON log.file_key TO {slug}_publisher;
