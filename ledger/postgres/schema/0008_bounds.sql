-- Bounds on what a taken-over login could do: which times `log.append` takes, and one length for the wrap of a file's key
-- (formats.md §5), so that nothing else is kept in its place.

-- Whether this is a rehearsal, whose senders set the time; written once, by whoever founds or migrates.
CREATE TABLE log.enclave (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  rehearsal boolean NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.enclave EXECUTE FUNCTION log.refuse();
GRANT SELECT (one, rehearsal) ON log.enclave
  TO {slug}_migrator, {slug}_writer, {slug}_sealer, {slug}_projector, {slug}_reader, {slug}_auditor;

ALTER TABLE log.file_wraps ADD CONSTRAINT file_wraps_length CHECK (octet_length(wrap) = 77);
ALTER TABLE log.file_key ADD CONSTRAINT file_key_length CHECK (octet_length(wrap) = 77);
