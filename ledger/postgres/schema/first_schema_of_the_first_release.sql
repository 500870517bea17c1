-- What the first release made by its 0001 becomes what 0001 makes today (`migrate.py`): the level of the enclave stands beside whether it
-- is a rehearsal, and a record of a case may be of a unit of its own. `log.append` is said anew by 0017. It runs in the
-- transaction of 0002, and only over a database whose only migration is that 0001.

ALTER TABLE log.enclave
  ADD COLUMN level text NOT NULL DEFAULT '{level}' CHECK (level IN ('ordinary', 'mat', 'toi-mat', 'tuyet-mat'));
ALTER TABLE log.enclave ALTER COLUMN level DROP DEFAULT;
GRANT SELECT (level) ON log.enclave
  TO {slug}_migrator, {slug}_writer, {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;

CREATE FUNCTION log.is_unit_of(_unit uuid, _stream uuid, _before uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT _before <> '00000000-0000-0000-0000-000000000000'::uuid AND (_unit = _stream OR substr(_unit::text, 15, 1) = '4')
    AND EXISTS (SELECT FROM log.enclave e WHERE e.level <> 'ordinary')
$$;

CREATE OR REPLACE FUNCTION log.fits(
  _stream uuid, _name text, _seq bigint, _unit uuid, _act uuid, _author boolean, _registry boolean, _topic text,
  _at timestamptz, _entry bytea, _state bytea, _kek bytea, _wrap bytea
) RETURNS boolean LANGUAGE sql STABLE RETURN (
  _seq >= 1
  -- a stream begins with its author's statement, under a name of its kind and the id of that name
  AND (_seq > 1 OR (
    _author
    AND substr(_stream::text, 15, 1) = '5'
    AND _name ~ ('^(?:case/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
      || '|agency/[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?'
      || '|officer/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
      || '|programme/[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?'
      || '|ledger)$')
    AND (_unit = CASE WHEN starts_with(_name, 'case/') THEN _stream ELSE '00000000-0000-0000-0000-000000000000' END
      OR (starts_with(_name, 'case/') AND log.is_unit_of(_unit, _stream, _stream)))))
  AND substr(_act::text, 15, 1) = '4'
  AND _registry IS NOT NULL
  AND _topic = 'socai.statement.v1'
  AND isfinite(_at) AND date_trunc('milliseconds', _at) = _at
  AND octet_length(_entry) = 32
  -- a version byte, a nonce, a tag, and between them an envelope, which the last step of the padding holds, or a step
  AND CASE substring(_state FROM 1 FOR 1)
    WHEN '\x01' THEN octet_length(_state) BETWEEN 512 AND 29 + 262140
    WHEN '\x02' THEN octet_length(_state) - 29 IN (1024, 4096, 16384, 65536, 262144)
    ELSE false END
  AND octet_length(_kek) = 16
  AND octet_length(_wrap) = 77 AND substring(_wrap FROM 1 FOR 17) = '\x01'::bytea || _kek
);
