-- Sign-in challenges, taken once, and counted attempts (api.md §2), shared by all workers; reached by functions only.

CREATE TABLE sec.challenges (
  challenge text PRIMARY KEY CHECK (octet_length(challenge) BETWEEN 16 AND 256),
  kid text NOT NULL CHECK (octet_length(kid) BETWEEN 1 AND 128),
  expires_at timestamptz NOT NULL CHECK (isfinite(expires_at))
);
CREATE INDEX challenges_expiry ON sec.challenges (expires_at);

CREATE TABLE sec.attempts (
  subject text PRIMARY KEY CHECK (octet_length(subject) BETWEEN 1 AND 256),
  since timestamptz NOT NULL CHECK (isfinite(since)),
  counted int NOT NULL CHECK (counted >= 1)
);
CREATE INDEX attempts_since ON sec.attempts (since);

-- The time is the server's own and lives are bounded: whoever calls with a time of its own would end every challenge,
-- forget what was used once, or begin a window that never ends.
CREATE FUNCTION sec.challenge_put(_challenge text, _kid text, _life_s int) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM sec.challenges c WHERE c.expires_at < clock_timestamp() - interval '1 hour';
  INSERT INTO sec.challenges (challenge, kid, expires_at)
    VALUES (_challenge, _kid, clock_timestamp() + make_interval(secs => least(_life_s, 600)));
$$;

CREATE FUNCTION sec.challenge_take(_challenge text) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM sec.challenges c WHERE c.challenge = _challenge RETURNING c.kid, c.expires_at)
  SELECT g.kid FROM gone g WHERE clock_timestamp() < g.expires_at;
$$;

-- No window is longer than rows are kept.
CREATE FUNCTION sec.attempt(_subject text, _window_s int, _limit int) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM sec.attempts a WHERE a.since < clock_timestamp() - interval '1 day';
  INSERT INTO sec.attempts AS a (subject, since, counted) VALUES (_subject, clock_timestamp(), 1)
    ON CONFLICT (subject) DO UPDATE SET
      counted = CASE WHEN a.since <= clock_timestamp() - make_interval(secs => _window_s) THEN 1 ELSE a.counted + 1 END,
      since = CASE WHEN a.since <= clock_timestamp() - make_interval(secs => _window_s) THEN clock_timestamp() ELSE a.since END
    RETURNING a.counted <= _limit;
$$;
