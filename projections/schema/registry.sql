-- Every effective registry act, by the index at which it took effect (view `registry`): the registry as of any index
-- is the shipped edition and the rows up to there.

CREATE TABLE IF NOT EXISTS proj.registry (
  gen smallint NOT NULL,
  index bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  act text NOT NULL,
  act_id uuid NOT NULL,
  stream text NOT NULL,
  payload bytea NOT NULL,
  PRIMARY KEY (gen, index)
);
