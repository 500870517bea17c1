-- The reporters' compartment R (access.md A5, A18, K1, K2, G9): who reported, sealed so that whoever takes it in cannot
-- read it back, and what the vault is asked. Nothing here names an officer, a register number or an act's text.
--
-- Keys · items · requests · the turn · grants

-- == Keys ==========================================================================================================

-- Public halves, as `socai vault found` and `socai vault turn` wrote them; without both nothing is taken. `contact`: how to reach
-- a reporter, opened by the vault; `identity`: who it is, opened by two of three custodians. One of each is in force; one whose
-- place another took stays, as a name and counts.
CREATE TABLE r.keys (
  kek_id bytea PRIMARY KEY CHECK (octet_length(kek_id) = 16),
  part text NOT NULL CHECK (part IN ('contact', 'identity')),
  public bytea NOT NULL CHECK (octet_length(public) = 1216),
  made_at timestamptz NOT NULL DEFAULT now(),
  over_at timestamptz,
  destroyed_at timestamptz,  -- of the vault's own: where its file lay
  before bytea UNIQUE REFERENCES r.keys,
  wraps_before bigint CHECK (wraps_before >= 0),
  wraps_after bigint CHECK (wraps_after >= 0),
  left_behind bigint CHECK (left_behind >= 0),
  CONSTRAINT keys_turned CHECK (num_nulls(before, wraps_before, wraps_after, left_behind) IN (0, 4)
    AND (before IS NULL OR wraps_before = wraps_after + left_behind)),
  CONSTRAINT keys_destroyed CHECK (destroyed_at IS NULL OR over_at IS NOT NULL)
);
CREATE UNIQUE INDEX keys_in_force ON r.keys (part) WHERE over_at IS NULL;

CREATE FUNCTION r.public_keys(OUT part text, OUT public bytea) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT k.part, k.public FROM r.keys k WHERE k.over_at IS NULL ORDER BY k.part $$;

-- == Items =========================================================================================================

-- One reporter in one case. The states have three lengths, and tell nothing by them.
CREATE TABLE r.items (
  item uuid PRIMARY KEY,
  token uuid NOT NULL UNIQUE,
  comp uuid NOT NULL,
  contact bytea NOT NULL CHECK (octet_length(contact) IN (1053, 4125, 16413) AND get_byte(contact, 0) = 2),
  contact_wrap bytea NOT NULL CHECK (octet_length(contact_wrap) = 1185 AND get_byte(contact_wrap, 0) = 2),
  identity bytea NOT NULL CHECK (octet_length(identity) IN (1053, 4125, 16413) AND get_byte(identity, 0) = 2),
  identity_wrap bytea NOT NULL CHECK (octet_length(identity_wrap) = 1185 AND get_byte(identity_wrap, 0) = 2)
);

-- Puts one in; the same again is the same. False: the item or the token is another's. What stands is never written over, and
-- nobody but the vault reads it.
CREATE FUNCTION r.put(p_item uuid, p_token uuid, p_comp uuid, p_contact bytea, p_contact_wrap bytea, p_identity bytea,
  p_identity_wrap bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n int;
BEGIN
  -- a turn waits for this, and this for a turn
  PERFORM FROM r.keys k WHERE k.over_at IS NULL
    AND (k.part, k.kek_id) IN (('contact', substr(p_contact_wrap, 2, 16)), ('identity', substr(p_identity_wrap, 2, 16)))
    ORDER BY k.part FOR SHARE;
  GET DIAGNOSTICS n = ROW_COUNT;
  IF n <> 2 THEN RETURN false; END IF;
  INSERT INTO r.items VALUES (p_item, p_token, p_comp, p_contact, p_contact_wrap, p_identity, p_identity_wrap)
    ON CONFLICT DO NOTHING;
  RETURN EXISTS (SELECT FROM r.items i WHERE (i.item, i.token, i.comp, i.contact, i.contact_wrap, i.identity, i.identity_wrap)
    = (p_item, p_token, p_comp, p_contact, p_contact_wrap, p_identity, p_identity_wrap));
END $$;

-- Whether an item is there for this reporter of this case; what was founded without R has none, and is asked for none.
CREATE FUNCTION r.holds(p_item uuid, p_token uuid, p_comp uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM r.keys)
    OR EXISTS (SELECT FROM r.items i WHERE (i.item, i.token, i.comp) = (p_item, p_token, p_comp))
$$;

-- == Requests ======================================================================================================

-- What the vault is asked, sealed to it, and what it answers; it listens on no port. `at_work` is committed before anything
-- leaves the vault, so that nothing is sent twice. Once done the request is gone, and what was only to be read once goes too.
CREATE TABLE r.requests (
  id uuid PRIMARY KEY,
  sealed bytea CHECK (octet_length(sealed) BETWEEN 1137 AND 262144),
  key bytea NOT NULL CHECK (octet_length(key) = 16),  -- which of the vault's it is sealed to, as whoever asked says
  state text NOT NULL DEFAULT 'waits' CHECK (state IN ('waits', 'at_work', 'done')),
  answer bytea CHECK (octet_length(answer) <= 32768),
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at timestamptz,
  CHECK ((state = 'done') = (answer IS NOT NULL)),
  CHECK (state = 'done' OR sealed IS NOT NULL)
);
CREATE INDEX requests_open ON r.requests (due, id) WHERE state <> 'done';

-- Asked again under the same id, the first stays: one act is one letter. False: sealed to a key whose time is over.
CREATE FUNCTION r.ask(p_id uuid, p_sealed bytea, p_key bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM r.keys k WHERE k.part = 'contact' AND k.kek_id = p_key AND k.over_at IS NULL FOR SHARE;  -- as in r.put
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO r.requests (id, sealed, key) VALUES (p_id, p_sealed, p_key) ON CONFLICT DO NOTHING;
  RETURN true;
END $$;

-- State and answer; no row: nobody asked.
CREATE FUNCTION r.answer(p_id uuid, OUT state text, OUT answer bytea) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT q.state, q.answer FROM r.requests q WHERE q.id = p_id $$;

-- == The turn ======================================================================================================

-- Puts a key in the place of one in force, in one step: every wrap of that part moves, and every request that waits, as whoever
-- has the old private half sealed them anew; from then on nothing is taken that is sealed to the old one. False, and nothing is
-- changed, where other wraps or requests are there than were moved, but for `p_left` wraps that do not open. A request that does
-- not open is given as it is, and the vault answers that.
CREATE FUNCTION r.turn_key(p_part text, p_before bytea, p_kek bytea, p_public bytea, p_items uuid[], p_old bytea[], p_new bytea[],
  p_left bigint, p_requests uuid[], p_sealed bytea[], p_resealed bytea[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  total bigint;
  fit bigint;
BEGIN
  PERFORM FROM r.keys k WHERE (k.part, k.kek_id) = (p_part, p_before) AND k.over_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another key of R is in force' USING ERRCODE = 'unique_violation';
  END IF;
  LOCK TABLE r.items, r.requests IN SHARE ROW EXCLUSIVE MODE;  -- an erasure, and the vault, wait
  SELECT count(*), count(z.item) INTO total, fit
    FROM (SELECT i.item, CASE p_part WHEN 'contact' THEN i.contact_wrap ELSE i.identity_wrap END AS wrap FROM r.items i) i
    LEFT JOIN unnest(p_items, p_old, p_new) AS z (item, old, new)
      ON z.item = i.item AND z.old = i.wrap AND substr(z.new, 1, 17) = '\x02'::bytea || p_kek
    WHERE substr(i.wrap, 2, 16) = p_before;
  IF total <> fit + p_left OR (p_part = 'contact' AND EXISTS (
      SELECT FROM r.requests q WHERE q.state <> 'done' AND q.key = p_before AND NOT EXISTS (
        SELECT FROM unnest(p_requests, p_sealed) AS z (id, sealed) WHERE z.id = q.id AND z.sealed = q.sealed))) THEN
    RETURN false;
  END IF;
  UPDATE r.keys SET over_at = clock_timestamp() WHERE kek_id = p_before;
  INSERT INTO r.keys (kek_id, part, public, before, wraps_before, wraps_after, left_behind)
    VALUES (p_kek, p_part, p_public, p_before, total, fit, p_left);
  IF p_part = 'contact' THEN
    UPDATE r.items i SET contact_wrap = z.new FROM unnest(p_items, p_old, p_new) AS z (item, old, new)
      WHERE i.item = z.item AND i.contact_wrap = z.old;
    UPDATE r.requests q SET sealed = z.resealed, key = p_kek
      FROM unnest(p_requests, p_sealed, p_resealed) AS z (id, sealed, resealed) WHERE q.id = z.id AND q.sealed = z.sealed;
  ELSE
    UPDATE r.items i SET identity_wrap = z.new FROM unnest(p_items, p_old, p_new) AS z (item, old, new)
      WHERE i.item = z.item AND i.identity_wrap = z.old;
  END IF;
  RETURN true;
END $$;

-- The private half of one that is over is destroyed where its file lay.
CREATE FUNCTION r.note_destroyed(p_kek bytea) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE r.keys SET destroyed_at = clock_timestamp() WHERE kek_id = p_kek AND over_at IS NOT NULL AND destroyed_at IS NULL
$$;

-- == Grants ========================================================================================================

-- The vault has its own schema and nothing of log, sec or proj (G9); the writer puts in and asks, and reads nothing back.
GRANT USAGE ON SCHEMA r TO {slug}_vault, {slug}_writer, {slug}_backup;
GRANT SELECT, INSERT (part, kek_id, public) ON r.keys TO {slug}_vault;
GRANT SELECT ON r.items TO {slug}_vault;
GRANT SELECT, UPDATE, DELETE ON r.requests TO {slug}_vault;
GRANT EXECUTE ON FUNCTION r.public_keys(), r.put(uuid, uuid, uuid, bytea, bytea, bytea, bytea), r.holds(uuid, uuid, uuid),
  r.ask(uuid, bytea, bytea), r.answer(uuid) TO {slug}_writer;
-- A key is turned by the administrator's command, as an epoch is (0004): no login that serves can end one.
GRANT USAGE ON SCHEMA r TO {slug}_migrator;
GRANT EXECUTE ON FUNCTION r.turn_key(text, bytea, bytea, bytea, uuid[], bytea[], bytea[], bigint, uuid[], bytea[], bytea[]),
  r.note_destroyed(bytea) TO {slug}_migrator;
-- A dump of R opens with no key of the server's; without it the identities would be lost with the machine (G12).
GRANT SELECT ON ALL TABLES IN SCHEMA r TO {slug}_backup;
