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

CREATE FUNCTION sec.challenge_put(_challenge text, _kid text, _expires_at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM sec.challenges c WHERE c.expires_at < _expires_at - interval '1 hour';
  INSERT INTO sec.challenges (challenge, kid, expires_at) VALUES (_challenge, _kid, _expires_at);
$$;

CREATE FUNCTION sec.challenge_take(_challenge text, _now timestamptz) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM sec.challenges c WHERE c.challenge = _challenge RETURNING c.kid, c.expires_at)
  SELECT g.kid FROM gone g WHERE _now < g.expires_at;
$$;

CREATE FUNCTION sec.attempt(_subject text, _now timestamptz, _window_s int, _limit int) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM sec.attempts a WHERE a.since < _now - interval '1 day';
  INSERT INTO sec.attempts AS a (subject, since, counted) VALUES (_subject, _now, 1)
    ON CONFLICT (subject) DO UPDATE SET
      counted = CASE WHEN a.since <= _now - make_interval(secs => _window_s) THEN 1 ELSE a.counted + 1 END,
      since = CASE WHEN a.since <= _now - make_interval(secs => _window_s) THEN _now ELSE a.since END
    RETURNING a.counted <= _limit;
$$;
