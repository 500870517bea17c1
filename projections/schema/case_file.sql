-- One row a case: the case file as it stood right after the newest statement of its stream (view `case_file`), beside
-- the columns the list asks for. `changes_at` says from when the file must be folded again to be right. Each deadline
-- in it names the type of the act from which it runs. How many statements nothing is in it of, it says itself.
--
-- Rows · need-to-know · the file as it stands

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
  title text,
  handler_label text,
  opened_at timestamptz,
  last_at timestamptz NOT NULL,
  due_at timestamptz,
  words tsvector NOT NULL,
  PRIMARY KEY (gen, stream)
);
CREATE INDEX case_file_began ON proj.case_file (gen, coalesce(opened_at, last_at), case_id);
CREATE INDEX case_file_last ON proj.case_file (gen, last_at, case_id);
CREATE INDEX case_file_id ON proj.case_file (gen, case_id);
CREATE INDEX case_file_newest ON proj.case_file (gen, last_index);
CREATE INDEX case_file_ends ON proj.case_file (gen, coalesce(due_at, 'infinity'), case_id);
-- by its beginning: an act of form 1 says its number, of any length, and no index takes a longer row than a page
CREATE INDEX case_file_numbered
  ON proj.case_file (gen, (case_number IS NULL), left(coalesce(case_number, ''), 64), case_id);
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

-- == The file as it stands =========================================================================================

-- functions do not go with the tables that they ask
DROP FUNCTION IF EXISTS proj.file_now;

-- The stored file of a case, and how far view and registry had come at the same moment; `body` is null where nothing is shown.
-- With a ticket it is a whole question in one way there and back: the ticket is of this statement alone, which is one state of
-- the database. Then `timely` is what `sec.answers` says, and `via` and `rule` by what order or opening alone the case is seen,
-- asked after the rest (`sec.told_by`): how late the audience is goes by the clock, and a yes holds for all of it. Without one the
-- transaction has said it. Runs as whoever calls, so the policies above decide what is shown.
CREATE FUNCTION proj.file_now(_ticket text, _time text, _stream text, _comp uuid, OUT timely boolean, OUT via uuid,
  OUT rule text, OUT body text, OUT changes_at timestamptz, OUT last_index bigint, OUT "position" bigint, OUT registry bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  told record;
BEGIN
  IF _ticket IS NOT NULL THEN
    PERFORM pg_catalog.set_config('app.ticket', _ticket, true), pg_catalog.set_config('app.time', _time, true);
  END IF;
  SELECT c.body::text, c.changes_at, c.last_index, v.position, h.registry_index
  INTO body, changes_at, last_index, "position", registry
  FROM log.log_head h, proj.views v JOIN proj.case_file c ON c.gen = v.gen
  WHERE v.view = 'case_file' AND v.state = 'live' AND c.stream = _stream;
  IF _ticket IS NULL THEN RETURN; END IF;
  -- what is of no case is shown without a ticket
  told := sec.told_by(_ticket, _comp, body IS NOT NULL AND starts_with(_stream, 'case/'));
  timely := told.timely;
  via := told.via;
  rule := told.rule;
END $$;

GRANT EXECUTE ON FUNCTION proj.file_now(text, text, text, uuid) TO {slug}_reader, {slug}_projector;
