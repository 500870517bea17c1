-- Who may what (access.md §3, G1-G11), by column where a role must not see all of a row.

GRANT USAGE ON SCHEMA log TO {slug}_migrator, {slug}_writer, {slug}_sealer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT USAGE ON SCHEMA sec TO {slug}_reader;

GRANT SELECT (stream_id, name) ON log.streams TO {slug}_writer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
  ON log.records TO {slug}_writer, {slug}_projector, {slug}_reader;
GRANT SELECT (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry) ON log.records TO {slug}_auditor;
GRANT SELECT (index, entry) ON log.records TO {slug}_sealer;
GRANT SELECT (index, kek_id, stream_id, unit, wrap) ON log.wraps TO {slug}_writer, {slug}_projector, {slug}_reader;
GRANT SELECT (index, kek_id) ON log.wraps TO {slug}_auditor;
GRANT SELECT (one, size, recorded_at, registry_index) ON log.log_head
  TO {slug}_writer, {slug}_sealer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (level, n, width, data) ON log.tiles TO {slug}_sealer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (size, root, note) ON log.checkpoints TO {slug}_sealer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (size, witness, signature, taken_at) ON log.cosignatures TO {slug}_sealer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (number, name, sha256, applied_at) ON log.migrations
  TO {slug}_migrator, {slug}_writer, {slug}_sealer, {slug}_projector, {slug}_reader, {slug}_auditor;

GRANT EXECUTE ON FUNCTION log.append(uuid[], text[], bigint[], uuid[], uuid[], boolean[], boolean[], bigint[], text[],
  timestamptz[], bytea[], bytea[], bytea, bytea[], bigint[], uuid[], bigint[], bigint[], bytea[]) TO {slug}_writer;
GRANT EXECUTE ON FUNCTION log.seal(bigint, bigint, bytea, bytea, smallint[], bigint[], smallint[], bytea[]) TO {slug}_sealer;
GRANT EXECUTE ON FUNCTION sec.challenge_put(text, text, int), sec.challenge_take(text), sec.attempt(text, int, int) TO {slug}_reader;
