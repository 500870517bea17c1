-- A ticket ends also in a transaction that was begun before (access.md G13).
--
-- Whoever had the reader's login and one ticket could begin a transaction while it was good, and go on asking in it for as long as
-- the session stood: its end, and that of a ticket key that was turned, were asked of the time at which the transaction began. So
-- neither what is over nor `socai turn-ticket-key` ended anything there. A question of the API, which may cross the end of its
-- ticket, is done within two minutes.

CREATE OR REPLACE FUNCTION sec.ticket() RETURNS text[]
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
  -- good as the transaction began, and not over for longer than a question takes
  IF to_timestamp(part[5]::bigint) <= greatest(now(), clock_timestamp() - interval '10 minutes') THEN RETURN NULL; END IF;
  -- nearly every key is the newest, and of that no more is asked
  IF EXISTS (SELECT FROM sec.ticket_keys n WHERE (n.made_at, part[2]) > (made, n.id)) THEN
    IF (SELECT count(*) > 1 OR max(n.made_at) + interval '1 hour' <= clock_timestamp() FROM sec.ticket_keys n
      WHERE (n.made_at, part[2]) > (made, n.id))
    THEN RETURN NULL; END IF;
  END IF;
  RETURN part[3:5];
END $$;
