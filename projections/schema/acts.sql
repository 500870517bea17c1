-- Every statement of the log, one row each, as it was folded (view `acts`). Append-only but for erasure and for what is
-- set aside (formats.md §3): what an act has become since its first statement is in the row of its last one.

CREATE TABLE IF NOT EXISTS proj.acts (
  gen smallint NOT NULL,
  index bigint NOT NULL,
  stream text NOT NULL,
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
  PRIMARY KEY (gen, index)
);
CREATE UNIQUE INDEX IF NOT EXISTS acts_stream ON proj.acts (gen, stream, seq);
CREATE INDEX IF NOT EXISTS acts_act ON proj.acts (gen, act_id);
CREATE INDEX IF NOT EXISTS acts_registry ON proj.acts (gen, index) WHERE registry;
CREATE INDEX IF NOT EXISTS acts_asked ON proj.acts (gen, act, index)
  WHERE effect AND act IN ('StatisticsSubmitted', 'SituationReportSubmitted', 'RecordErased');
CREATE INDEX IF NOT EXISTS acts_aside ON proj.acts (gen, index) WHERE status = 'set_aside';
CREATE INDEX IF NOT EXISTS acts_unvoided ON proj.acts (gen, index)
  WHERE status = 'set_aside' AND voided_by IS NULL;
