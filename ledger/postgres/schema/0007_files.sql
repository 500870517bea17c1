-- Files of acts (formats.md §5, access.md L16). The bytes lie in a blob store under a random name, one an upload; here
-- stands how an upload is found and what became of it. A tag is keyed, so that nobody who reads this table can ask
-- whether a known file is among them or whose it is (L9); digest, size, officer and time are inside the sealed events.

CREATE TABLE log.files (
  name uuid PRIMARY KEY,
  tag bytea NOT NULL CHECK (octet_length(tag) = 32)
);
CREATE INDEX files_tag ON log.files (tag);

-- The history of each file: who added, read and exported it. Dense from 1; each event names the one before it.
-- `place` counts the events of all files from 0, so that "the first n" is what the log's anchors speak of.
CREATE TABLE log.custody (
  place bigint PRIMARY KEY CHECK (place >= 0),
  name uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),
  entry bytea NOT NULL CHECK (octet_length(entry) = 32),
  state bytea NOT NULL,
  CONSTRAINT custody_name_seq UNIQUE (name, seq)
);

-- The one row that every event locks: how many there are.
CREATE TABLE log.custody_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  size bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log.custody_head VALUES (true, 0);

-- `seq` 0 is the file's own key, from 1 on those of its events: erasing deletes here, as in log.wraps.
CREATE TABLE log.file_wraps (
  name uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 0),
  kek_id bytea NOT NULL CHECK (octet_length(kek_id) = 16),
  wrap bytea NOT NULL,
  PRIMARY KEY (name, seq, kek_id)
);

-- The one key of all tags, wrapped; made when the log is founded, so that nobody else comes first.
CREATE TABLE log.file_key (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  wrap bytea NOT NULL
);

CREATE FUNCTION log.keep_file_key(_wrap bytea) RETURNS bytea
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO log.file_key (wrap) VALUES (_wrap) ON CONFLICT DO NOTHING;
  SELECT k.wrap FROM log.file_key k;
$$;

-- What can be seen of a sealed event without a key (formats.md §5), as `log.fits` of a record: what is kept stays for ever.
CREATE FUNCTION log.require_event(_entry bytea, _state bytea, _wrap bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (octet_length(_entry) = 32
      AND CASE substring(_state FROM 1 FOR 1)
        WHEN '\x01' THEN octet_length(_state) BETWEEN 256 AND 29 + 4092
        WHEN '\x02' THEN octet_length(_state) - 29 IN (1024, 4096)
        ELSE false END
      AND octet_length(_wrap) = 77 AND substring(_wrap FROM 1 FOR 1) = '\x01') IS NOT TRUE THEN
    RAISE EXCEPTION 'this is no event of custody' USING ERRCODE = 'check_violation';
  END IF;
END $$;

CREATE FUNCTION log.keep_file(_name uuid, _tag bytea, _wrap bytea, _entry bytea, _state bytea, _event_wrap bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
BEGIN
  PERFORM log.require_event(_entry, _state, _event_wrap);
  SELECT h.size INTO STRICT n FROM log.custody_head h FOR UPDATE;  -- whoever notes anything queues here
  INSERT INTO log.files (name, tag) VALUES (_name, _tag);
  INSERT INTO log.custody (place, name, seq, entry, state) VALUES (n, _name, 1, _entry, _state);
  INSERT INTO log.file_wraps (name, seq, kek_id, wrap) VALUES
    (_name, 0, substring(_wrap FROM 2 FOR 16), _wrap), (_name, 1, substring(_event_wrap FROM 2 FOR 16), _event_wrap);
  UPDATE log.custody_head SET size = n + 1;
END $$;

-- False where the place is taken or not reached: whoever lost the race reads the history again. A lock on the row of
-- all files is not for a login that only reads: it could hold it, and nobody would read or add a file.
CREATE FUNCTION log.note_custody(_name uuid, _seq bigint, _entry bytea, _state bytea, _wrap bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
BEGIN
  PERFORM log.require_event(_entry, _state, _wrap);
  SELECT h.size INTO STRICT n FROM log.custody_head h FOR UPDATE;
  INSERT INTO log.custody (place, name, seq, entry, state)
    SELECT n, _name, _seq, _entry, _state
    WHERE _seq > 1 AND EXISTS (SELECT FROM log.custody c WHERE c.name = _name AND c.seq = _seq - 1)
    ON CONFLICT (name, seq) DO NOTHING;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO log.file_wraps (name, seq, kek_id, wrap) VALUES (_name, _seq, substring(_wrap FROM 2 FOR 16), _wrap);
  UPDATE log.custody_head SET size = n + 1;
  RETURN true;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.files EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.custody EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.file_wraps EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.file_key EXECUTE FUNCTION log.refuse();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON log.custody_head EXECUTE FUNCTION log.refuse();
CREATE TRIGGER grows BEFORE UPDATE ON log.custody_head FOR EACH ROW WHEN (NEW.size < OLD.size) EXECUTE FUNCTION log.refuse();

-- A file is reached through a record alone, and the record has its own policies; no row here says which act it is of.
GRANT SELECT (name, tag) ON log.files TO {slug}_writer, {slug}_reader;
GRANT SELECT (place, name, seq, entry, state) ON log.custody TO {slug}_writer, {slug}_reader;
GRANT SELECT (one, size) ON log.custody_head TO {slug}_writer, {slug}_reader, {slug}_auditor;
GRANT SELECT (name, seq, kek_id, wrap) ON log.file_wraps TO {slug}_writer, {slug}_reader;
GRANT SELECT (one, wrap) ON log.file_key TO {slug}_writer, {slug}_reader;
GRANT SELECT (name) ON log.files TO {slug}_auditor;
GRANT SELECT (place, name, seq, entry) ON log.custody TO {slug}_auditor;
GRANT SELECT (name, seq, kek_id) ON log.file_wraps TO {slug}_auditor;
GRANT SELECT (one) ON log.file_key TO {slug}_auditor;
GRANT EXECUTE ON FUNCTION log.keep_file_key(bytea), log.keep_file(uuid, bytea, bytea, bytea, bytea, bytea),
  log.note_custody(uuid, bigint, bytea, bytea, bytea) TO {slug}_writer;
