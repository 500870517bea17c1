// Signs in, lists, pages, reads a case, records an act with a file and follows the feed, with a
// client that openapi-typescript made of the document. It knows nothing of socai but that.
//
// Given: the base address and X-Rehearsal-Time; on standard input the officer's key as a JWK, the
// log's origin and the act to record. Says what it found as JSON.

import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Statement = components["schemas"]["StatementShape"];
type CaseLine = components["schemas"]["CaseLineShown"];

const [baseUrl, at] = process.argv.slice(2) as [string, string];
const given = JSON.parse(readFileSync(0, "utf-8"));
const key = createPrivateKey({ key: given.jwk, format: "jwk" });
const b64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString("base64url");
const signed = (input: string): string => b64(sign(null, Buffer.from(input), key));

const api = createClient<paths>({ baseUrl });
const clock = { "X-Rehearsal-Time": at };
const as = <T extends string>(type: T) => ({ ...clock, "Content-Type": type });

function must<T>(said: { data?: T; error?: unknown; response: Response }): T {
  if (said.data === undefined) {
    throw new Error(`${said.response.url} ${said.response.status} ${JSON.stringify(said.error)}`);
  }
  return said.data;
}

// sign in
const asked = must(await api.POST("/v1/auth/challenge", { body: { kid: given.kid } }));
const header = b64(JSON.stringify({ alg: "Ed25519", kid: given.kid, typ: "socai-login+json" }));
const login = b64(
  JSON.stringify({ challenge: asked.challenge, expires_at: asked.expires_at, log: given.log }),
);
const body: Statement = { payload: login, protected: header, signature: signed(`${header}.${login}`) };
const token = must(
  await api.POST("/v1/auth/token", { body, headers: { "Content-Type": "application/jose+json" } }),
);
api.use({
  onRequest: ({ request }) => {
    request.headers.set("Authorization", `Bearer ${token.access_token}`);
  },
});

// list, and page to the end
const lines: CaseLine[] = [];
let cursor: string | undefined;
let pages = 0;
do {
  const query = cursor === undefined ? { limit: 1 } : { limit: 1, cursor };
  const page = must(await api.GET("/v1/cases", { params: { query } }));
  lines.push(...page.cases);
  cursor = page.next;
  pages += 1;
} while (cursor !== undefined);

// a case
const first = lines[0]!;
const file = must(await api.GET("/v1/cases/{case}", { params: { path: { case: first.id } } }));

// a file, and an act that lists it
const text = "Ảnh chụp màn hình\n";
const kept = must(
  await api.POST("/v1/attachments", {
    body: text,
    bodySerializer: (sent) => sent,
    headers: as("application/octet-stream"),
  }),
);
const act = { ...given.act, attachments: [{ name: "anh.txt", ...kept }] };
delete act.attachments[0].rehearsal;
const prepared = must(await api.POST("/v1/acts/prepare", { body: { act }, headers: clock }));
const receipt = must(
  await api.POST("/v1/acts", {
    body: {
      payload: prepared.payload,
      protected: prepared.protected,
      signature: signed(prepared.signing_input),
    },
    headers: as("application/jose+json"),
  }),
);
const back = must(
  await api.GET("/v1/acts/{act_id}/attachments/{digest}", {
    params: { path: { act_id: receipt.act_id, digest: kept.digest } },
    parseAs: "arrayBuffer",
  }),
);

// the feed, from the record before it
const events = must(
  await api.GET("/v1/feed", {
    params: { query: { after: receipt.index - 1 }, header: { Prefer: "wait=20" } },
  }),
);

// what is refused is typed too
const refused = await api.GET("/v1/acts/{act_id}", {
  params: { path: { act_id: "00000000-0000-4000-8000-000000000000" } },
});

console.log(
  JSON.stringify({
    officer: token.officer,
    pages,
    cases: lines.map((line) => line.id),
    state: file.state,
    stream: receipt.stream,
    proof: receipt.proof?.index === receipt.index,
    file: Buffer.from(back).toString("utf-8"),
    events: events.map((event) => event.data.act_id),
    refused: refused.error?.code,
  }),
);
