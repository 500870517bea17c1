-- What anybody may read without signing in (view `public_acts`; access.md A3): effective acts that were signed to be public,
-- of types that speak to everybody, and of each what the catalogue lets be read by everybody. `corrected`: something was put
-- right since; `corrects`: the publication, itself public, that this one puts right. Nothing of it names a case, an officer
-- or a record. It is empty above ordinary.

CREATE TABLE proj.public_acts (
  gen smallint NOT NULL,
  stream text NOT NULL,
  act_id uuid NOT NULL,
  act text NOT NULL,
  agency text NOT NULL,
  agency_name text NOT NULL,
  occurred_at timestamptz NOT NULL,
  facts json NOT NULL,
  corrects uuid,
  corrected boolean NOT NULL,
  PRIMARY KEY (gen, act_id)
);
CREATE INDEX public_acts_newest ON proj.public_acts (gen, occurred_at DESC, act_id DESC);
CREATE INDEX public_acts_stream ON proj.public_acts (gen, stream);

-- Whoever serves everybody reads these columns, and which generation of them is read (access.md G6); of whom a row came, it
-- may not ask.
GRANT SELECT (gen, act_id, act, agency, agency_name, occurred_at, facts, corrects, corrected) ON proj.public_acts
  TO {slug}_public;
GRANT SELECT (view, gen, state) ON proj.views TO {slug}_public;
