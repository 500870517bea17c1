-- In which cases a sealed token stands (view `tokens`): for the guards that keep a token to one case, never for a
-- search; no join of tokens between cases is offered to anyone.

CREATE TABLE IF NOT EXISTS proj.tokens (
  gen smallint NOT NULL,
  token text NOT NULL,
  stream text NOT NULL,
  PRIMARY KEY (gen, token, stream)
);
