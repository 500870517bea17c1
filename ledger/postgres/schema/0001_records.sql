-- The records of one log and their wraps (architecture.md §4). `unit` is the nil uuid in streams that are not a
-- case's, else the case's default unit; `author` marks the first statement of a payload; `registry` the statement
-- by which an act changed the registry, so that a process can catch up on the registry without reading every case.

CREATE TABLE log.streams (
  stream_id uuid PRIMARY KEY,
  -- not unique: an id follows from its name, and whoever puts a name under another id must not keep out its owner
  name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 128)
);
-- Guards ask for the reports of every programme: few names among those of all cases.
CREATE INDEX streams_programmes ON log.streams (name) WHERE starts_with(name, 'programme/');

CREATE TABLE log.records (
  index bigint PRIMARY KEY CHECK (index >= 0),
  seq bigint NOT NULL CHECK (seq >= 1),
  recorded_at timestamptz NOT NULL CHECK (isfinite(recorded_at)),
  stream_id uuid NOT NULL,
  unit uuid NOT NULL,
  act_id uuid NOT NULL,
  author boolean NOT NULL,
  registry boolean NOT NULL,
  topic text NOT NULL CHECK (topic ~ '^[a-z0-9.]+$'),
  entry bytea NOT NULL CHECK (octet_length(entry) = 32),
  state bytea NOT NULL,
  CONSTRAINT records_stream_seq UNIQUE (stream_id, seq)
) WITH (toast_tuple_target = 8160);
-- A sealed state does not compress, and most are shorter than a page: keep them in the row.
ALTER TABLE log.records ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX records_act ON log.records (act_id) WHERE author;
CREATE INDEX records_registry ON log.records (index) WHERE registry;

CREATE TABLE log.wraps (
  index bigint NOT NULL,
  kek_id bytea NOT NULL CHECK (octet_length(kek_id) = 16),
  stream_id uuid NOT NULL,
  unit uuid NOT NULL,
  wrap bytea NOT NULL,
  PRIMARY KEY (index, kek_id)
);
ALTER TABLE log.wraps ALTER COLUMN wrap SET STORAGE MAIN;

-- The one row that every append locks: size, time of the last record, index of the last registry record. Only an
-- empty log has no time: without one, a record of any time would be taken.
CREATE TABLE log.log_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  size bigint NOT NULL CHECK (size >= 0),
  recorded_at timestamptz CHECK (isfinite(recorded_at)),
  registry_index bigint NOT NULL,
  CONSTRAINT log_head_time CHECK ((recorded_at IS NULL) = (size = 0)),
  CONSTRAINT log_head_registry CHECK (registry_index BETWEEN -1 AND size - 1)
) WITH (fillfactor = 10);
INSERT INTO log.log_head VALUES (true, 0, NULL, -1);

ALTER TABLE log.streams ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE log.records ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE log.wraps ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON log.streams TO {slug}_owner USING (true) WITH CHECK (true);
CREATE POLICY own ON log.records TO {slug}_owner USING (true) WITH CHECK (true);
CREATE POLICY own ON log.wraps TO {slug}_owner USING (true) WITH CHECK (true);
-- Until participation is recorded, every signed-in officer of the enclave sees every stream.
CREATE POLICY every ON log.streams FOR SELECT USING (true);
CREATE POLICY every ON log.records FOR SELECT USING (true);
CREATE POLICY every ON log.wraps FOR SELECT USING (true);
