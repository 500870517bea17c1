-- In which streams a reporter's sealed token stands, so that each stays in one case: written by `log.append` alone, with the
-- record that names it first, and so true of every record at once. A tag is SHA-256("socai/token/1\0" || origin || "\0" ||
-- token): a token is random, so that nobody guesses one from its tag, and what an erasure leaves here says nothing.

CREATE TABLE log.tokens (
  tag bytea NOT NULL CHECK (octet_length(tag) = 32),
  stream_id uuid NOT NULL,
  index bigint NOT NULL,
  PRIMARY KEY (tag, stream_id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.tokens EXECUTE FUNCTION log.refuse();
GRANT SELECT (tag, stream_id, index) ON log.tokens TO {slug}_writer, {slug}_auditor;
