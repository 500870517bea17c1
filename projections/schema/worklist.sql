-- What waits for somebody, one row a task, rewritten with every new record of its stream (view `worklist`), and what an
-- author began that waits for others. How late a task is follows from its times when it is read.

CREATE TABLE proj.tasks (
  gen smallint NOT NULL,
  stream text NOT NULL,
  comp uuid NOT NULL,
  unit uuid NOT NULL,
  n int NOT NULL,
  kind text NOT NULL,
  act_id uuid NOT NULL,
  act text NOT NULL,
  officer text,
  agency text,
  role text,
  power text,
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
  post text,
  waits_for text,
  PRIMARY KEY (gen, stream, n)
) WITH (fillfactor = 80);
CREATE INDEX tasks_officer ON proj.tasks (gen, officer) WHERE officer IS NOT NULL;
CREATE INDEX tasks_agency ON proj.tasks (gen, agency) WHERE agency IS NOT NULL;
CREATE INDEX tasks_power ON proj.tasks (gen, power) WHERE power IS NOT NULL;

-- Need-to-know (access.md G14), by look-up or by set (`sec.has_few`): an act alone is seen by whoever holds no more of its
-- case, and one of a unit with a name by whom it names alone.
ALTER TABLE proj.tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY folds ON proj.tasks TO {slug}_projector USING (true) WITH CHECK (true);
CREATE POLICY ntk ON proj.tasks FOR SELECT TO {slug}_reader USING (
  NOT starts_with(stream, 'case/')
  OR CASE WHEN (SELECT current_setting('app.by_set', true)) = 'on'
    THEN (unit = comp AND comp IN (SELECT a.comp FROM sec.shown a WHERE a.whole))
      OR (comp, act_id) IN (SELECT a.comp, a.act FROM sec.shown a WHERE NOT a.whole)
    ELSE (SELECT true FROM sec.shown a WHERE a.comp = tasks.comp
      AND ((a.whole AND unit = tasks.comp) OR a.act = act_id) LIMIT 1) END);
