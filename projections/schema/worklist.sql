-- What waits for somebody, one row a task, rewritten with every new record of its stream (view `worklist`). How late a
-- task is follows from its times when it is read.

CREATE TABLE IF NOT EXISTS proj.tasks (
  gen smallint NOT NULL,
  stream text NOT NULL,
  n smallint NOT NULL,
  kind text NOT NULL,
  act_id uuid NOT NULL,
  act text NOT NULL,
  officer text,
  agency text,
  role text,
  code text,
  sub text,
  started_at timestamptz,
  due_at timestamptz,
  alarm_at timestamptz,
  source text,
  source_kind text,
  certainty text,
  case_number text,
  register_no text,
  state text,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (gen, stream, n)
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS tasks_officer ON proj.tasks (gen, officer) WHERE officer IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_agency ON proj.tasks (gen, agency) WHERE agency IS NOT NULL;
