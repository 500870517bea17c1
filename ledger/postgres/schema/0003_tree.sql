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
  note bytea NOT NULL CHECK (octet_length(note) BETWEEN 1 AND 16384)  -- the log's two signatures take 4 KiB
) WITH (toast_tuple_target = 8160);
ALTER TABLE log.checkpoints ALTER COLUMN note SET STORAGE EXTERNAL;

CREATE TABLE log.cosignatures (
  size bigint NOT NULL CHECK (size >= 1),
  witness text NOT NULL CHECK (octet_length(witness) BETWEEN 1 AND 256),
  signature bytea NOT NULL CHECK (octet_length(signature) BETWEEN 1 AND 4096),
  taken_at timestamptz NOT NULL CHECK (isfinite(taken_at)),
  PRIMARY KEY (size, witness)
);

-- True where the newest checkpoint was still `_old` (null: none) and the new one with its tiles is stored. Tiles are
-- those that grow from `_old` to `_size` and no others, so that nobody who seals can plant one where the tree will
-- come by. One that somebody else has planted is in the way only where it has other bytes.
CREATE FUNCTION log.seal(
  _old bigint, _size bigint, _root bytea, _note bytea,
  _levels smallint[], _ns bigint[], _widths smallint[], _data bytea[]
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  last bigint;
  planted text;
BEGIN
  PERFORM FROM log.enclave FOR UPDATE;  -- one sealer at a time: by a row that no login may lock
  SELECT max(c.size) INTO last FROM log.checkpoints c;
  IF last IS DISTINCT FROM _old OR _size <= coalesce(_old, 0) THEN
    RETURN false;
  END IF;
  IF _size > (SELECT h.size FROM log.log_head h) THEN
    RAISE EXCEPTION 'a checkpoint of % covers records that are not there', _size USING ERRCODE = 'data_exception';
  END IF;
  IF EXISTS (
    SELECT FROM unnest(_levels, _ns, _widths) AS z (level, n, width)
    WHERE (z.n * 256 + z.width BETWEEN (coalesce(_old, 0) >> (8 * z.level)) + 1 AND _size >> (8 * z.level)) IS NOT TRUE
  ) THEN
    RAISE EXCEPTION 'a tile is not of the growth from % to %', _old, _size USING ERRCODE = 'data_exception';
  END IF;
  SELECT format('%s/%s of width %s', t.level, t.n, t.width) INTO planted
    FROM unnest(_levels, _ns, _widths, _data) AS z (level, n, width, data) JOIN log.tiles t USING (level, n, width)
    WHERE t.data <> z.data LIMIT 1;
  IF planted IS NOT NULL THEN
    RAISE EXCEPTION 'tile % stands there already with other bytes', planted USING ERRCODE = 'unique_violation';
  END IF;
  INSERT INTO log.tiles (level, n, width, data)
    SELECT z.level, z.n, z.width, z.data FROM unnest(_levels, _ns, _widths, _data) AS z (level, n, width, data)
    ON CONFLICT DO NOTHING;
  INSERT INTO log.checkpoints (size, root, note) VALUES (_size, _root, _note);
  RETURN true;
END $$;
