-- Tiles and checkpoints (formats.md §7): written by one function, by compare-and-swap on the last size. A tile of a
-- width never changes; a wider one is another row.

CREATE TABLE log.tiles (
  n bigint NOT NULL CHECK (n >= 0),
  level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
  width smallint NOT NULL CHECK (width BETWEEN 1 AND 256),
  data bytea NOT NULL CHECK (octet_length(data) = 32 * width),
  PRIMARY KEY (level, n, width)
) WITH (toast_tuple_target = 8160);
ALTER TABLE log.tiles ALTER COLUMN data SET STORAGE EXTERNAL;  -- hashes do not compress

CREATE TABLE log.checkpoints (
  size bigint PRIMARY KEY CHECK (size >= 1),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  note bytea NOT NULL
) WITH (toast_tuple_target = 8160);
ALTER TABLE log.checkpoints ALTER COLUMN note SET STORAGE EXTERNAL;

CREATE TABLE log.cosignatures (
  size bigint NOT NULL,
  witness text NOT NULL,
  signature bytea NOT NULL,
  taken_at timestamptz NOT NULL,
  PRIMARY KEY (size, witness)
);

-- True where the newest checkpoint was still `_old` (null: none) and the new one with its tiles is stored.
CREATE FUNCTION log.seal(
  _old bigint, _size bigint, _root bytea, _note bytea,
  _levels smallint[], _ns bigint[], _widths smallint[], _data bytea[]
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  last bigint;
BEGIN
  PERFORM FROM log.enclave FOR UPDATE;  -- one sealer at a time: by a row that no login may lock
  SELECT max(c.size) INTO last FROM log.checkpoints c;
  IF last IS DISTINCT FROM _old OR _size <= coalesce(_old, 0) THEN
    RETURN false;
  END IF;
  IF _size > (SELECT h.size FROM log.log_head h) THEN
    RAISE EXCEPTION 'a checkpoint of % covers records that are not there', _size USING ERRCODE = 'data_exception';
  END IF;
  INSERT INTO log.tiles (level, n, width, data)
    SELECT z.level, z.n, z.width, z.data FROM unnest(_levels, _ns, _widths, _data) AS z (level, n, width, data);
  INSERT INTO log.checkpoints (size, root, note) VALUES (_size, _root, _note);
  PERFORM pg_notify('checkpoint', _size::text);
  RETURN true;
END $$;
