-- One row a case: the case file as it stood right after the newest statement of its stream (view `case_file`), beside
-- the columns the list asks for. `changes_at` says from when the file must be folded again to be right.

CREATE TABLE proj.case_file (
  gen smallint NOT NULL,
  stream text NOT NULL,
  comp uuid NOT NULL,
  case_id uuid NOT NULL,
  body json NOT NULL,
  raised json NOT NULL,
  at timestamptz NOT NULL,
  changes_at timestamptz,
  first_index bigint NOT NULL,
  last_index bigint NOT NULL,
  seq bigint NOT NULL,
  state text,
  outcome text,
  agency text,
  agencies text[] NOT NULL,
  acts text[] NOT NULL,
  flags text[] NOT NULL,
  case_number text,
  register_no text,
  handler_label text,
  opened_at timestamptz,
  last_at timestamptz NOT NULL,
  due_at timestamptz,
  words tsvector NOT NULL,
  PRIMARY KEY (gen, stream)
);
CREATE INDEX case_file_began ON proj.case_file (gen, coalesce(opened_at, last_at), case_id);
CREATE INDEX case_file_last ON proj.case_file (gen, last_at, case_id);
CREATE INDEX case_file_newest ON proj.case_file (gen, last_index);
CREATE INDEX case_file_ends ON proj.case_file (gen, coalesce(due_at, 'infinity'), case_id);
CREATE INDEX case_file_numbered
  ON proj.case_file (gen, (case_number IS NULL), coalesce(case_number, ''), case_id);
CREATE INDEX case_file_state ON proj.case_file (gen, state, last_at, case_id);
CREATE INDEX case_file_agencies ON proj.case_file USING gin (agencies);
CREATE INDEX case_file_acts ON proj.case_file USING gin (acts);
CREATE INDEX case_file_words ON proj.case_file USING gin (words);

-- Need-to-know (access.md G14), by look-up or by set (`sec.has_few`): these speak of the whole case.
ALTER TABLE proj.case_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY folds ON proj.case_file TO {slug}_projector USING (true) WITH CHECK (true);
CREATE POLICY ntk ON proj.case_file FOR SELECT TO {slug}_reader USING (
  NOT starts_with(stream, 'case/')
  OR CASE WHEN (SELECT current_setting('app.by_set', true)) = 'on'
    THEN comp IN (SELECT a.comp FROM sec.shown a WHERE a.whole)
    ELSE (SELECT true FROM sec.shown a WHERE a.comp = case_file.comp AND a.whole LIMIT 1) END);
