-- Need-to-know (access.md §3): who takes part in which case, the ticket by which the database knows whose question it
-- answers, and the policies that hold the two together.
--
-- Participation · tickets · what a ticket shows · narrowing · hashes · notices · row policies · grants

-- == Participation =================================================================================================

-- Written by the projector alone, from records that it has verified; `gen` as in proj.views, where the view is called
-- `audience`. It is not believed where a record is opened (access.md G17), and not restored: it is folded anew.

-- What a case gives: to a principal `who`, the whole case (`act` nil) or one act of it, until an instant. A principal is
-- an officer, an agency as the act names it (its stream's id), a power in an agency, or the case itself, as which every
-- officer acts whom a grant or an order names. `opened`: the day the case was taken in.
CREATE TABLE sec.audience (
  gen smallint NOT NULL,
  comp uuid NOT NULL,
  who uuid NOT NULL,
  act uuid NOT NULL,
  via uuid NOT NULL,
  opened date,
  until timestamptz NOT NULL,
  PRIMARY KEY (comp, gen, who, act, via)
);
-- Both ways: in which cases one is, without the table; and who is in a case. A list looks up each row of its page, among those
-- of whole cases, whose hash costs half of what a tree does. `comp` is no key of the first: a look-up would go there once for
-- each principal that the officer acts as.
CREATE INDEX audience_who ON sec.audience (gen, who) INCLUDE (comp, act, until);
CREATE INDEX audience_whole ON sec.audience USING hash (comp)
  WHERE act IS NOT DISTINCT FROM '00000000-0000-0000-0000-000000000000'::uuid;

-- As which principals an officer acts, from `since` until `until` and no longer, so that nothing waits for a projector
-- when a day begins or ends. `via` is the act that says so, or `self`; `rule` the one of access.md §4: by post or by name,
-- by a grant, by an inspection order, by an emergency opening, of totals.
CREATE TABLE sec.members (
  gen smallint NOT NULL,
  officer uuid NOT NULL,
  who uuid NOT NULL,
  via text NOT NULL,
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  rule text NOT NULL CHECK (rule IN ('A1', 'A7', 'A9', 'A19', 'A27')),
  PRIMARY KEY (gen, officer, who, via, since)
);

-- Whom an act shut out of a case, whatever else lets them in. Generation 0 is the writer's, in force when the answer
-- goes out, and goes once the projector has folded the record `index`.
CREATE TABLE sec.excluded (
  gen smallint NOT NULL,
  comp uuid NOT NULL,
  officer uuid NOT NULL,
  via uuid NOT NULL,
  until timestamptz NOT NULL,
  index bigint NOT NULL CHECK (index >= 0),
  PRIMARY KEY (gen, comp, officer, via)
);
CREATE INDEX excluded_officer ON sec.excluded (officer, gen);

-- What ended and may not be folded yet: all of an officer (`*`), what one act gave, or what is asked with one key.
CREATE TABLE sec.ended (
  officer uuid NOT NULL,
  what text NOT NULL CHECK (octet_length(what) BETWEEN 1 AND 128),
  index bigint NOT NULL CHECK (index >= 0),
  PRIMARY KEY (officer, what)
);

-- As of when everything that was taken has been folded into the generation that is read.
CREATE TABLE sec.beat (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  at timestamptz NOT NULL CHECK (isfinite(at))
) WITH (fillfactor = 10);
INSERT INTO sec.beat VALUES (true, '1970-01-01T00:00:00Z');

-- == Tickets =======================================================================================================

-- The two blocks of HMAC-SHA-256 that follow from a key (RFC 2104), so that no key stands here: key xor ipad, key xor opad.
CREATE TABLE sec.ticket_keys (
  id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
  inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64),
  made_at timestamptz NOT NULL DEFAULT now() CHECK (isfinite(made_at))
);

-- Officer, kid and expiry of a good ticket; NULL for none and for every other. Anybody who reaches the reader's login can set
-- `app.ticket`, so only the MAC is believed, and nothing is made of what it does not cover: `v1|<key id>|<officer>|<kid>|
-- <expiry, unix s>#<hex of the MAC over what stands before #>`. The newest two keys are good, the older for an hour after the
-- newer was made. No pattern is held against it: that costs ten times the MAC, and every question of a case asks this.
CREATE FUNCTION sec.ticket() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said text := current_setting('app.ticket', true);
  body text := split_part(said, '#', 1);
  part text[] := string_to_array(body, '|');
  pads bytea[];
  made timestamptz;
  mac bytea;
BEGIN
  IF said IS NULL OR octet_length(said) > 512 OR cardinality(part) <> 5 OR part[1] <> 'v1' OR '' = ANY (part)
  THEN RETURN NULL; END IF;
  SELECT ARRAY[k.inner_pad, k.outer_pad], k.made_at INTO pads, made FROM sec.ticket_keys k WHERE k.id = part[2];
  mac := sha256(pads[2] || sha256(pads[1] || convert_to(body, 'UTF8')));
  -- digests are compared, so that how long it takes says nothing of the MAC
  IF mac IS NULL
    OR sha256(convert_to(said, 'UTF8')) <> sha256(convert_to(body || '#' || encode(mac, 'hex'), 'UTF8'))
  THEN RETURN NULL; END IF;
  IF to_timestamp(part[5]::bigint) <= now() THEN RETURN NULL; END IF;
  -- nearly every key is the newest, and of that no more is asked
  IF EXISTS (SELECT FROM sec.ticket_keys n WHERE (n.made_at, part[2]) > (made, n.id)) THEN
    IF (SELECT count(*) > 1 OR max(n.made_at) + interval '1 hour' <= now() FROM sec.ticket_keys n
      WHERE (n.made_at, part[2]) > (made, n.id))
    THEN RETURN NULL; END IF;
  END IF;
  RETURN part[3:5];
END $$;

-- == What a ticket shows ===========================================================================================

-- The ledger's time: a rehearsal's stands at its last record, or at what its caller states (http.md §1), and so do the ends
-- of its grants.
CREATE FUNCTION sec.clock() RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT NOT e.rehearsal FROM log.enclave e) THEN RETURN now(); END IF;
  RETURN (SELECT greatest(coalesce(h.recorded_at, now()), nullif(current_setting('app.time', true), '')::timestamptz)
    FROM log.enclave e, log.log_head h WHERE e.rehearsal);
END $$;

-- The generation that is read; NULL, and so no case at all, where the audience stopped, is late or is not there (G18).
-- PL/pgSQL, since the tables of the views are made after this, and may be gone.
CREATE FUNCTION sec.gen() RETURNS smallint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  read record;
BEGIN
  IF to_regclass('proj.views') IS NULL THEN RETURN NULL; END IF;
  SELECT v.gen, v.position INTO read FROM proj.views v WHERE v.view = 'audience' AND v.state = 'live' AND v.error IS NULL;
  IF read.position = (SELECT h.size - 1 FROM log.log_head h)
    OR (SELECT b.at FROM sec.beat b) > clock_timestamp() - interval '5 seconds'
  THEN RETURN read.gen; END IF;
  RETURN NULL;
END $$;

-- Who asks, by which generation and at what time, as whom without what has ended, and shut out of which cases: one answer, and
-- not four functions. A statement can change its ticket while it runs, and as whom one asks may then be known already: what one
-- is shut out of must not be asked of another ticket, or of none. No ticket, or a bad one: nulls, which show nothing. In
-- PL/pgSQL, which plans it once a session.
CREATE FUNCTION sec.asked(OUT officer uuid, OUT kid text, OUT gen smallint, OUT at timestamptz, OUT whos uuid[],
  OUT shut_out uuid[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said text[] := sec.ticket();
  ended text[];
BEGIN
  IF said IS NULL THEN RETURN; END IF;
  officer := said[1];
  kid := said[2];
  gen := sec.gen();
  at := sec.clock();
  ended := ARRAY(SELECT e.what FROM sec.ended e WHERE e.officer = asked.officer);
  -- said so that neither `since` nor `gen = 0` is looked up in an index: to skip there costs more than to look
  whos := ARRAY(SELECT m.who FROM sec.members m WHERE m.gen = asked.gen AND m.officer = asked.officer
    AND NOT asked.at < m.since AND asked.at < m.until AND NOT ended && ARRAY['*', asked.kid, m.via]);
  shut_out := ARRAY(SELECT x.comp FROM sec.excluded x
    WHERE x.officer = asked.officer AND (x.gen = 0 OR x.gen = asked.gen) AND asked.at < x.until);
END $$;

-- Whether a question can be answered: NULL without a good ticket, false while nobody knows who takes part in which case. What
-- `asked` says of both, for less than half: asked for at the beginning of each question, and so a scalar, which costs no plan.
CREATE FUNCTION sec.answers() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN CASE WHEN sec.ticket() IS NOT NULL THEN sec.gen() IS NOT NULL END;
END $$;

-- What a caller sees is said here and nowhere else: of the audience the rows that give the caller something now (G16). The
-- policies of all tables ask this. A barrier, so that no function of the caller's meets a row before it is the caller's; the
-- function is asked once for each time that a statement names the view, however many rows are looked up. `whole` is said so
-- that it is no condition of an index: its column stands behind `who`, and to skip there costs more than to look.
CREATE VIEW sec.shown WITH (security_barrier) AS
  SELECT a.comp, a.act, a.act IS NOT DISTINCT FROM '00000000-0000-0000-0000-000000000000'::uuid AS whole
  FROM sec.asked() s JOIN sec.audience a
    ON a.gen = s.gen AND a.who = ANY (s.whos) AND s.at < a.until AND a.comp <> ALL (s.shut_out);

-- Whether the officer of the ticket takes part in few cases. It is for the policies of the views, which find what is shown
-- in one of two ways, and show the same: a look-up for each row is right where most rows are shown, or few are met; where
-- `app.by_set` is `on`, they make the set of what is seen once, which is right for a question that goes through all rows,
-- and for whoever would have thousands of rows looked up for nothing. About 500 are few, counted in a 32nd part of the ids,
-- which are digests.
CREATE FUNCTION sec.has_few() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN NOT EXISTS (SELECT FROM sec.asked() s JOIN sec.audience a ON a.gen = s.gen AND a.who = ANY (s.whos)
    WHERE a.comp < '08000000-0000-0000-0000-000000000000'::uuid OFFSET 16);
END $$;

-- How much of a case is seen, and how many positions its stream has (D1): no row where nothing is.
CREATE FUNCTION sec.sight(_comp uuid) RETURNS TABLE (whole boolean, positions bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT bool_or(a.whole), (SELECT max(r.seq) FROM log.records r WHERE r.stream_id = _comp)
  FROM sec.shown a WHERE a.comp = _comp HAVING count(*) > 0
$$;

-- Of which of these cases the officer of the ticket sees something by an inspection order (A9) or an emergency opening (A19)
-- alone, and by which act: what shows most, and of those an order before an opening. Nothing of what is seen otherwise, and
-- nothing of what is not seen. One row of nulls where nobody knows: no ticket, or the audience is late (G18).
CREATE FUNCTION sec.read_under(_comps uuid[]) RETURNS TABLE (comp uuid, via uuid, rule text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  opening CONSTANT text[] := ARRAY['A9', 'A19'];
  asked record;
BEGIN
  SELECT * INTO asked FROM sec.asked();
  IF asked.gen IS NULL THEN
    RETURN QUERY SELECT NULL::uuid, NULL::uuid, NULL::text;
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM sec.members m WHERE m.gen = asked.gen AND m.officer = asked.officer AND m.rule = ANY (opening)
    AND m.since <= asked.at AND asked.at < m.until) THEN RETURN; END IF;
  RETURN QUERY
    WITH shown AS MATERIALIZED (
      SELECT a.comp, a.act, m.via, m.rule FROM sec.members m JOIN sec.audience a ON a.gen = asked.gen AND a.who = m.who
      WHERE m.gen = asked.gen AND m.officer = asked.officer AND m.since <= asked.at AND asked.at < m.until
        AND NOT EXISTS (SELECT FROM sec.ended e WHERE e.officer = m.officer AND e.what IN ('*', asked.kid, m.via))
        AND a.comp = ANY (_comps) AND asked.at < a.until AND a.comp <> ALL (asked.shut_out))
    SELECT DISTINCT ON (s.comp) s.comp, s.via::uuid, s.rule FROM shown s
    WHERE s.rule = ANY (opening) AND NOT EXISTS (
      SELECT FROM shown o WHERE o.comp = s.comp AND o.rule <> ALL (opening) AND o.act IN (nil, s.act))
    ORDER BY s.comp, s.act = nil DESC, array_position(opening, s.rule), s.via;
END $$;

-- == Narrowing =====================================================================================================

-- Does not wait for the projector: whoever records an end says it here, before the answer goes out. What has been folded
-- already says so itself: an old statement that is sent again ends nothing that was given since.

CREATE FUNCTION sec.is_folded(_index bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN to_regclass('proj.views') IS NOT NULL
    AND EXISTS (SELECT FROM proj.views v WHERE v.view = 'audience' AND v.state = 'live' AND v.position >= _index);
END $$;

CREATE FUNCTION sec.end(_officer uuid, _what text, _index bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO sec.ended AS e (officer, what, index) SELECT _officer, _what, _index WHERE NOT sec.is_folded(_index)
    ON CONFLICT (officer, what) DO UPDATE SET index = greatest(e.index, EXCLUDED.index);
$$;

CREATE FUNCTION sec.exclude(_comp uuid, _officer uuid, _via uuid, _until timestamptz, _index bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO sec.excluded AS x (gen, comp, officer, via, until, index)
    SELECT 0, _comp, _officer, _via, _until, _index WHERE NOT sec.is_folded(_index)
    ON CONFLICT (gen, comp, officer, via) DO UPDATE SET until = EXCLUDED.until, index = greatest(x.index, EXCLUDED.index);
$$;

-- == Hashes ========================================================================================================

-- Entries from `_start` to before `_end`, of every record: a proof tells no more than the tiles, which are open (A12).
CREATE FUNCTION log.entries(_start bigint, _end bigint) RETURNS TABLE (index bigint, entry bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.index, r.entry FROM log.records r WHERE r.index >= _start AND r.index < _end ORDER BY r.index
$$;

-- == Notices =======================================================================================================

-- Takes off the server's queue of notifications what every listener has passed, and says nothing of how full it is, which is
-- others' pace (L6). Whoever gives hints asks for it: a queue that was once full stays so until somebody does.
CREATE FUNCTION log.sweep_notices() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notification_queue_usage();
END $$;

-- == Row policies ==================================================================================================

-- The reader has no policy here: `sec.shown` tells what it may know.
ALTER TABLE sec.audience ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sec.audience TO {slug}_owner USING (true) WITH CHECK (true);
CREATE POLICY folds ON sec.audience TO {slug}_projector USING (true) WITH CHECK (true);
CREATE POLICY whole ON sec.audience FOR SELECT TO {slug}_auditor USING (true);

DROP POLICY every ON log.streams;
DROP POLICY every ON log.records;
DROP POLICY every ON log.wraps;

-- These see their whole level and answer nobody by it: the write path folds whole streams, whoever writes (G3, G19).
CREATE POLICY whole ON log.streams FOR SELECT TO {slug}_writer, {slug}_projector, {slug}_auditor USING (true);
CREATE POLICY whole ON log.records FOR SELECT
  TO {slug}_writer, {slug}_projector, {slug}_auditor, {slug}_checkpointer USING (true);
CREATE POLICY whole ON log.wraps FOR SELECT TO {slug}_writer, {slug}_projector, {slug}_auditor USING (true);

-- Need-to-know (G14): a scalar subquery is one index probe a row, and the function in it runs once a statement; an array of
-- cases, EXISTS or IN would be a hundred times slower for whoever takes part in many. The nil unit is what everybody in the
-- enclave reads, with or without a ticket (N6). Whoever sees the whole case sees what is of the case's own unit; what is of
-- another, which is above ordinary alone, is shown act by act, to whom it names (A1).
CREATE POLICY ntk ON log.records FOR SELECT TO {slug}_reader USING (
  unit = '00000000-0000-0000-0000-000000000000'::uuid
  OR (SELECT true FROM sec.shown a
    WHERE a.comp = stream_id AND ((a.whole AND unit = stream_id) OR a.act = act_id) LIMIT 1));
-- A wrap has no act: it follows its record.
CREATE POLICY ntk ON log.wraps FOR SELECT TO {slug}_reader USING (
  unit = '00000000-0000-0000-0000-000000000000'::uuid
  OR (SELECT true FROM log.records r WHERE r.index = wraps.index));
-- The name of a case: for whoever sees anything of it.
CREATE POLICY ntk ON log.streams FOR SELECT TO {slug}_reader USING (
  NOT starts_with(name, 'case/')
  OR (SELECT true FROM sec.shown a WHERE a.comp = stream_id LIMIT 1));

-- == Grants ========================================================================================================

-- the owner of the views names these things in their policies
GRANT USAGE ON SCHEMA sec TO {slug}_writer, {slug}_projector, {slug}_auditor, {slug}_views;
GRANT SELECT ON sec.shown TO {slug}_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON sec.audience, sec.members, sec.excluded TO {slug}_projector;
GRANT SELECT, DELETE ON sec.ended TO {slug}_projector;
GRANT SELECT, INSERT, UPDATE ON sec.beat TO {slug}_projector;
GRANT SELECT ON sec.audience, sec.members, sec.excluded, sec.ended, sec.beat TO {slug}_auditor;
GRANT EXECUTE ON FUNCTION sec.clock(), sec.gen(), sec.asked(), sec.answers(), sec.has_few(), sec.sight(uuid),
  sec.read_under(uuid[]) TO {slug}_reader;
-- totals of all cases are told by a function of theirs
GRANT EXECUTE ON FUNCTION sec.asked() TO {slug}_views;
GRANT EXECUTE ON FUNCTION log.entries(bigint, bigint)
  TO {slug}_writer, {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT EXECUTE ON FUNCTION log.sweep_notices() TO {slug}_writer, {slug}_checkpointer;
GRANT EXECUTE ON FUNCTION sec.end(uuid, text, bigint), sec.exclude(uuid, uuid, uuid, timestamptz, bigint) TO {slug}_writer;

-- An audit with content is asked by the projector, since a reader sees what its ticket shows and no more (G19).
GRANT SELECT (name, tag) ON log.files TO {slug}_projector;
GRANT SELECT (place, name, seq, entry, state) ON log.custody TO {slug}_projector;
GRANT SELECT (one, size) ON log.custody_head TO {slug}_projector;
GRANT SELECT (name, seq, kek_id, wrap) ON log.file_wraps TO {slug}_projector;
GRANT SELECT (one, wrap) ON log.file_key TO {slug}_projector;

-- A dump of the log holds no content that opens without a KEK. It needs every row, so the login passes by the policies
-- (BYPASSRLS); nothing of `proj` or `sec` is its (G12).
GRANT USAGE ON SCHEMA log TO {slug}_backup;
GRANT SELECT ON ALL TABLES IN SCHEMA log TO {slug}_backup;
