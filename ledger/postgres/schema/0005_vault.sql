-- The reporters' compartment R (access.md A5, A18, K1, K2, G9): who reported, sealed so that whoever takes it in cannot
-- read it back, and what the vault is asked. Nothing here names an officer, a register number or an act's text.
--
-- Keys · items · requests · grants

-- == Keys ==========================================================================================================

-- Public halves, as `socai vault found` wrote them; without both nothing is taken. `contact`: how to reach a reporter,
-- opened by the vault; `identity`: who it is, opened by two of three custodians.
CREATE TABLE r.keys (
  part text PRIMARY KEY CHECK (part IN ('contact', 'identity')),
  kek_id bytea NOT NULL UNIQUE CHECK (octet_length(kek_id) = 16),
  public bytea NOT NULL CHECK (octet_length(public) = 1216),
  made_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION r.public_keys(OUT part text, OUT public bytea) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT k.part, k.public FROM r.keys k ORDER BY k.part $$;

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
BEGIN
  IF (SELECT count(*) FROM r.keys k WHERE k.part = 'contact' AND k.kek_id = substr(p_contact_wrap, 2, 16)
      OR k.part = 'identity' AND k.kek_id = substr(p_identity_wrap, 2, 16)) <> 2
  THEN RETURN false; END IF;
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
  state text NOT NULL DEFAULT 'waits' CHECK (state IN ('waits', 'at_work', 'done')),
  answer bytea CHECK (octet_length(answer) <= 32768),
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at timestamptz,
  CHECK ((state = 'done') = (answer IS NOT NULL)),
  CHECK (state = 'done' OR sealed IS NOT NULL)
);
CREATE INDEX requests_open ON r.requests (due, id) WHERE state <> 'done';

-- Asked again under the same id, the first stays: one act is one letter.
CREATE FUNCTION r.ask(p_id uuid, p_sealed bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ INSERT INTO r.requests (id, sealed) VALUES (p_id, p_sealed) ON CONFLICT DO NOTHING $$;

-- State and answer; no row: nobody asked.
CREATE FUNCTION r.answer(p_id uuid, OUT state text, OUT answer bytea) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT q.state, q.answer FROM r.requests q WHERE q.id = p_id $$;

-- == Grants ========================================================================================================

-- The vault has its own schema and nothing of log, sec or proj (G9); the writer puts in and asks, and reads nothing back.
GRANT USAGE ON SCHEMA r TO {slug}_vault, {slug}_writer, {slug}_backup;
GRANT SELECT, INSERT ON r.keys TO {slug}_vault;
GRANT SELECT ON r.items TO {slug}_vault;
GRANT SELECT, UPDATE, DELETE ON r.requests TO {slug}_vault;
GRANT EXECUTE ON FUNCTION r.public_keys(), r.put(uuid, uuid, uuid, bytea, bytea, bytea, bytea), r.holds(uuid, uuid, uuid),
  r.ask(uuid, bytea), r.answer(uuid) TO {slug}_writer;
-- A dump of R opens with no key of the server's; without it the identities would be lost with the machine (G12).
GRANT SELECT ON ALL TABLES IN SCHEMA r TO {slug}_backup;
