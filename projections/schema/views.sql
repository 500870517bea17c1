-- Which generation of each view is read, how far it is folded, and where it stopped. A switch is one row changed, so
-- nobody waits; `shape` is the SHA-256 of the view's DDL. Up to `judged` the rules were asked in full of what it shows.

CREATE TABLE IF NOT EXISTS proj.views (
  view text NOT NULL,
  gen smallint NOT NULL,
  state text NOT NULL CHECK (state IN ('building', 'live', 'old')),
  shape text NOT NULL,
  position bigint NOT NULL DEFAULT -1,
  judged bigint NOT NULL DEFAULT -1,
  recorded_at timestamptz,
  target bigint,
  error text,
  error_at bigint,
  PRIMARY KEY (view, gen)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX IF NOT EXISTS views_live ON proj.views (view) WHERE state = 'live';
CREATE UNIQUE INDEX IF NOT EXISTS views_building ON proj.views (view) WHERE state = 'building';

-- A long generation is built in parts: cases by the last digit of their id, each as far as it says.
CREATE TABLE IF NOT EXISTS proj.parts (
  view text NOT NULL,
  gen smallint NOT NULL,
  digits text NOT NULL,
  position bigint NOT NULL DEFAULT -1,
  until bigint NOT NULL,
  PRIMARY KEY (view, gen, digits),
  FOREIGN KEY (view, gen) REFERENCES proj.views ON DELETE CASCADE
) WITH (fillfactor = 50);

-- Which loop keeps the views, and until when unless it says so again.
CREATE TABLE IF NOT EXISTS proj.lease (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  holder uuid NOT NULL,
  until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The owner's policies ask which generation of the audience is read, the writer's guards which of the acts.
GRANT SELECT ON proj.views TO {slug}_owner, {slug}_writer;

-- How far the audience is and whether all of a case is seen, for whoever is about to write in it; `whole` is null where nothing
-- is. Asked with its ticket in one way there and back, as `proj.file_now` (case_file.sql) and under the same terms: the ticket is
-- of this statement alone, `timely`, `via` and `rule` are asked after the rest, and it runs as whoever calls.
CREATE OR REPLACE FUNCTION proj.sight_now(_ticket text, _time text, _comp uuid, OUT timely boolean, OUT via uuid, OUT rule text,
  OUT whole boolean, OUT "position" bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  told record;
BEGIN
  PERFORM pg_catalog.set_config('app.ticket', _ticket, true), pg_catalog.set_config('app.time', _time, true);
  SELECT v.position, s.whole INTO "position", whole
  FROM proj.views v LEFT JOIN sec.sight(_comp) s ON true WHERE v.view = 'audience' AND v.state = 'live';
  told := sec.told_by(_ticket, _comp, whole IS NOT NULL);
  timely := told.timely;
  via := told.via;
  rule := told.rule;
END $$;

GRANT EXECUTE ON FUNCTION proj.sight_now(text, text, uuid) TO {slug}_reader;
