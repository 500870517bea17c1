-- What is counted (view `statistics`): one row a case, one row a mark on an act. Neither names a person, and no row is
-- published as it stands: tables are aggregates with small cells hidden.

CREATE TABLE IF NOT EXISTS proj.counted (
  gen smallint NOT NULL,
  stream text NOT NULL,
  opened_on date,
  channel text,
  agency text,
  state text,
  outcome text,
  result_on date,
  closed_on date,
  acts int NOT NULL,
  PRIMARY KEY (gen, stream)
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS counted_opened ON proj.counted (gen, opened_on);

CREATE TABLE IF NOT EXISTS proj.marks (
  gen smallint NOT NULL,
  stream text NOT NULL,
  n int NOT NULL,
  code text NOT NULL,
  act_id uuid NOT NULL,
  on_day date NOT NULL,
  agency text,
  basis text,
  until timestamptz,
  PRIMARY KEY (gen, stream, n)
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS marks_code ON proj.marks (gen, code, on_day);
