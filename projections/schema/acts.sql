-- Every statement of the log, one row each, as it was folded (view `acts`). Append-only but for erasure and for what is
-- set aside (formats.md §3): what an act has become since its first statement is in the row of its last one.

CREATE TABLE proj.acts (
  gen smallint NOT NULL,
  index bigint NOT NULL,
  stream text NOT NULL,
  comp uuid NOT NULL,
  unit uuid NOT NULL,
  seq bigint NOT NULL,
  act_id uuid NOT NULL,
  act text,
  role text,
  officer text,
  kid text,
  iat bigint,
  occurred_at timestamptz,
  recorded_at timestamptz NOT NULL,
  agency text,
  status text NOT NULL,
  effect boolean NOT NULL,
  state_after text,
  flags text[] NOT NULL,
  late boolean NOT NULL,
  registry boolean NOT NULL,
  digest text,
  entry bytea NOT NULL,
  protected bytea,
  payload bytea,
  signature bytea,
  erased_by uuid,
  voided_by uuid,
  register text,
  given int,
  PRIMARY KEY (gen, index)
);
CREATE UNIQUE INDEX acts_stream ON proj.acts (gen, stream, seq);
CREATE INDEX acts_act ON proj.acts (gen, act_id);
CREATE INDEX acts_registry ON proj.acts (gen, index) WHERE registry;
CREATE INDEX acts_asked ON proj.acts (gen, act, index)
  WHERE effect AND act IN ('StatisticsSubmitted', 'SituationReportSubmitted', 'RecordErased', 'ContentWithdrawn',
    'ReporterIdentityDisclosed');
-- Acts of cases across them all, newest first on either clock: one row each, that of its author.
CREATE INDEX acts_taken ON proj.acts (gen, recorded_at, index) WHERE role = 'AUTHOR' AND starts_with(stream, 'case/');
CREATE INDEX acts_happened ON proj.acts (gen, occurred_at, index) WHERE role = 'AUTHOR' AND starts_with(stream, 'case/');
CREATE INDEX acts_agency ON proj.acts (gen, agency, recorded_at, index)
  WHERE role = 'AUTHOR' AND starts_with(stream, 'case/');
CREATE INDEX acts_agency_happened ON proj.acts (gen, agency, occurred_at, index)
  WHERE role = 'AUTHOR' AND starts_with(stream, 'case/');
CREATE INDEX acts_type ON proj.acts (gen, act, recorded_at, index) WHERE role = 'AUTHOR' AND starts_with(stream, 'case/');
CREATE INDEX acts_late ON proj.acts (gen, recorded_at, index) WHERE role = 'AUTHOR' AND starts_with(stream, 'case/') AND late;
CREATE INDEX acts_flagged ON proj.acts (gen, recorded_at, index) WHERE flags <> '{}';
CREATE INDEX acts_key ON proj.acts (gen, kid, index) WHERE kid IS NOT NULL;
CREATE INDEX acts_entered ON proj.acts (gen, register, given) WHERE given IS NOT NULL;
CREATE INDEX acts_given ON proj.acts (gen, index) WHERE given IS NOT NULL;
CREATE INDEX acts_aside ON proj.acts (gen, index) WHERE status = 'set_aside';
CREATE INDEX acts_unvoided ON proj.acts (gen, index)
  WHERE status = 'set_aside' AND voided_by IS NULL;

-- Need-to-know (access.md G14), by look-up or by set (`sec.has_few`): an act alone is seen by whoever holds no more of its
-- case, and one of a unit with a name by whom it names alone.
ALTER TABLE proj.acts ENABLE ROW LEVEL SECURITY;
CREATE POLICY folds ON proj.acts TO {slug}_projector USING (true) WITH CHECK (true);
CREATE POLICY ntk ON proj.acts FOR SELECT TO {slug}_reader USING (
  NOT starts_with(stream, 'case/')
  OR CASE WHEN (SELECT current_setting('app.by_set', true)) = 'on'
    THEN (unit = comp AND comp IN (SELECT a.comp FROM sec.shown a WHERE a.whole))
      OR (comp, act_id) IN (SELECT a.comp, a.act FROM sec.shown a WHERE NOT a.whole)
    ELSE (SELECT true FROM sec.shown a WHERE a.comp = acts.comp
      AND ((a.whole AND unit = acts.comp) OR a.act = act_id) LIMIT 1) END);

-- Guards ask what is erased, of cases that the signer may not see (access.md G3, G19).
CREATE POLICY guards ON proj.acts FOR SELECT TO {slug}_writer USING (true);
GRANT SELECT ON proj.acts TO {slug}_writer;
