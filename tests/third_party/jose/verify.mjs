// Checks every statement of a case with npm jose alone, which knows nothing of socai:
//
//	node verify.mjs URL CASE      the bearer token on standard input
//
// Reads the case's acts, the records of each act byte for byte, and the JWK set of the registry.
// Prints one JSON object; exit status 1 where a signature does not hold, or holds over other bytes.
import { readFileSync } from "node:fs";
import { base64url, createLocalJWKSet, flattenedVerify } from "jose";

const [url, caseId] = process.argv.slice(2);
const token = readFileSync(0, "utf8").trim();
// jose asks WebCrypto for ML-DSA, which is in Node from 24.7 on
const speaksMlDsa =
  globalThis.SubtleCrypto?.supports?.("verify", "ML-DSA-65") ?? false;

async function ask(path) {
  const answer = await fetch(url + path, {
    headers: { Authorization: `Bearer ${token}`, Accept: "application/json, application/jwk-set+json" },
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function actsOf(id) {
  const found = new Set();
  for (let path = `/v1/cases/${id}/acts`; path; ) {
    const page = await ask(path);
    for (const act of page.acts) found.add(act.act_id);
    path = page.next && `/v1/cases/${id}/acts?cursor=${encodeURIComponent(page.next)}`;
  }
  return found;
}

/** The statement inside a record's envelope, as a flattened JWS. */
function statementOf(record) {
  const envelope = JSON.parse(new TextDecoder().decode(base64url.decode(record.envelope)));
  const [protectedHeader, payload, signature] = envelope.statement.split(".");
  return { protected: protectedHeader, payload, signature };
}

async function refused(jws, keys) {
  try {
    await flattenedVerify(jws, keys);
  } catch {
    return true;
  }
  return false;
}

/** The same statement over an act with one other letter. */
function forged(jws) {
  const payload = new TextDecoder().decode(base64url.decode(jws.payload));
  const other = payload.replace(/"act":"(.)/, (_, letter) => `"act":"${letter === "X" ? "Y" : "X"}`);
  return { ...jws, payload: base64url.encode(other) };
}

const keys = createLocalJWKSet(await ask("/v1/keys/jwks"));
const verified = {};
const skipped = {};
for (const actId of await actsOf(caseId)) {
  const { records } = await ask(`/v1/acts/${actId}/raw`);
  for (const record of records) {
    const jws = statementOf(record);
    const { alg } = JSON.parse(new TextDecoder().decode(base64url.decode(jws.protected)));
    if (alg.startsWith("ML-DSA") && !speaksMlDsa) {
      skipped[alg] = (skipped[alg] ?? 0) + 1;
      continue;
    }
    const { payload, protectedHeader } = await flattenedVerify(jws, keys, {
      algorithms: ["Ed25519", "ES256", "ML-DSA-65"],
    });
    const act = JSON.parse(new TextDecoder().decode(payload));
    if (act.act_id !== actId || protectedHeader.typ !== "socai-act+json") {
      throw new Error(`record ${record.index} says something else`);
    }
    if (!(await refused(forged(jws), keys))) throw new Error(`record ${record.index}: a forgery holds`);
    verified[alg] = (verified[alg] ?? 0) + 1;
  }
}
console.log(JSON.stringify({ verified, skipped }));
