-- In which stream a sealed token stands, so that each stays in one case: written by `log.append` alone, with the record that
-- names it first, and so true of every record at once. A record that names one which its stream has not by then is against
-- the rules for whoever judges it: no later row changes that. A tag is SHA-256("socai/token/1\0" || origin || "\0" ||
-- token): a token is random, so that nobody guesses one from its tag, and what an erasure leaves here says nothing.

CREATE TABLE log.tokens (
  tag bytea PRIMARY KEY CHECK (octet_length(tag) = 32),
  stream_id uuid NOT NULL,
  index bigint NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.tokens EXECUTE FUNCTION log.refuse();
GRANT SELECT (tag, stream_id, index) ON log.tokens TO {slug}_writer, {slug}_projector, {slug}_auditor;
