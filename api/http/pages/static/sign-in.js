// Signing in with a key of this browser. The key is kept in IndexedDB and cannot be taken out; the
// passphrase of a key file leaves this page for a worker of it, and nothing else. Text goes into the
// page by textContent alone.
const WEB_CRYPTO = {
  Ed25519: { make: { name: "Ed25519" }, sign: { name: "Ed25519" } },
  ES256: {
    make: { name: "ECDSA", namedCurve: "P-256" },
    sign: { name: "ECDSA", hash: "SHA-256" },
  },
  "ML-DSA-65": { make: { name: "ML-DSA-65" }, sign: { name: "ML-DSA-65" } },
};
// order of P-256: of the two signatures that fit, the ledger takes the one with the low half
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const MOST_M_KIB = 1 << 20;

const find = (id) => document.getElementById(id);
const part = find("browser");
const told = find("told");
const say = (what) => (told.textContent = what ? told.dataset[what] : "");
const bytes = (text) => new TextEncoder().encode(text);

const b64 = (data) =>
  btoa(String.fromCharCode(...new Uint8Array(data)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const unb64 = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

// RFC 8785 of what stands in a key file and in a sign-in: strings and whole numbers
const canonical = (value) =>
  value !== null && typeof value === "object"
    ? `{${Object.keys(value)
        .sort()
        .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)
        .join(",")}}`
    : JSON.stringify(value);

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function keys() {
  const asked = indexedDB.open("socai", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("keys", { keyPath: "kid" });
  const database = await done(asked);
  return (mode) => database.transaction("keys", mode).objectStore("keys");
}

async function show(store) {
  const origin = part.dataset.origin;
  const every = await done(store("readonly").getAll());
  const here = every.filter((one) => !origin || one.log === origin);
  find("key").replaceChildren(
    ...here.map((one) => {
      const option = document.createElement("option");
      option.value = one.kid;
      option.textContent = `${one.name} · ${one.kid.slice(0, 10)} · ${one.alg}`;
      return option;
    }),
  );
  find("with-key").hidden = here.length === 0;
  find("import-part").open = here.length === 0;
  if (here.length === 0 && !told.textContent) say("none");
}

const policy = globalThis.trustedTypes?.createPolicy("socai-worker", {
  createScriptURL: (url) => {
    if (url !== part.dataset.worker) throw new TypeError(url);
    return url;
  },
});

function stretched(passphrase, kdf) {
  const url = part.dataset.worker;
  const worker = new Worker(policy ? policy.createScriptURL(url) : url, { type: "module" });
  const { t, p, m_kib: m } = kdf;
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.key ? resolve(data.key) : reject(new Error()));
    worker.onerror = () => reject(new Error());
    worker.postMessage({ passphrase, salt: unb64(kdf.salt), t, p, m }, [passphrase.buffer]);
  }).finally(() => worker.terminate());
}

// as typed, then as other keyboards write the same letters: ế is one character or three
const composed = (text) => [...new Set([text, text.normalize("NFC"), text.normalize("NFD")])];

async function opened(file, passphrase) {
  const { sealed, ...named } = file;
  if (file.kdf.name !== "argon2id" || file.kdf.m_kib > MOST_M_KIB) throw new Error();
  const additionalData = bytes(canonical(named));
  const how = { name: "AES-GCM", iv: unb64(file.nonce), additionalData };
  for (const typed of composed(passphrase)) {
    const raw = await stretched(bytes(typed), file.kdf);
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
    raw.fill(0);
    try {
      return new Uint8Array(await crypto.subtle.decrypt(how, key, unb64(sealed)));
    } catch {
      continue;
    }
  }
  throw new Error();
}

async function take(store) {
  const chosen = find("file").files[0];
  const passphrase = find("passphrase").value;
  find("passphrase").value = "";
  say("importing");
  let file, secret;
  try {
    file = JSON.parse(await chosen.text());
    secret = await opened(file, passphrase);
  } catch {
    return say("wrong");
  }
  try {
    const how = WEB_CRYPTO[file.alg].make;
    const key = await crypto.subtle.importKey("pkcs8", secret, how, false, ["sign"]);
    const log = part.dataset.origin || find("log").value.trim();
    const name = chosen.name.replace(/\.socaikey$/, "");
    await done(store("readwrite").put({ kid: file.kid, alg: file.alg, key, log, name }));
  } catch {
    return say("alg");
  } finally {
    secret.fill(0);
  }
  say("imported");
  await show(store);
  find("sign").focus();
}

function low(signature) {
  const hex = [...signature.slice(32)].map((one) => one.toString(16).padStart(2, "0")).join("");
  const s = BigInt(`0x${hex}`);
  if (s <= N / 2n) return signature;
  const half = (N - s).toString(16).padStart(64, "0");
  const fixed = half.match(/../g).map((one) => parseInt(one, 16));
  return Uint8Array.from([...signature.slice(0, 32), ...fixed]);
}

async function signed(one) {
  const asked = await fetch("/v1/auth/challenge", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ kid: one.kid }),
  });
  if (!asked.ok) throw new Error();
  const { challenge, expires_at } = await asked.json();
  const header = { alg: one.alg, kid: one.kid, typ: "socai-login+json" };
  const protectedPart = b64(bytes(canonical(header)));
  const payload = b64(bytes(canonical({ challenge, expires_at, log: one.log })));
  const input = bytes(`${protectedPart}.${payload}`);
  let signature = new Uint8Array(await crypto.subtle.sign(WEB_CRYPTO[one.alg].sign, one.key, input));
  if (one.alg === "ES256") signature = low(signature);
  return JSON.stringify({ payload, protected: protectedPart, signature: b64(signature) });
}

// an answer holds once: a second click would send it anew, and be refused in place of the first
function sentOnce(form) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
}

async function begin() {
  sentOnce(find("answer-form"));
  find("no-script").hidden = true;
  part.hidden = false;
  if (!isSecureContext || !crypto.subtle) {
    find("import-part").hidden = true;
    return say("insecure");
  }
  const store = await keys();
  find("import").addEventListener("submit", (event) => {
    event.preventDefault();
    take(store);
  });
  find("with-key").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      find("answer").value = await signed(await done(store("readonly").get(find("key").value)));
      find("answer-form").requestSubmit();
    } catch {
      say("failed");
    }
  });
  find("forget").addEventListener("click", async () => {
    await done(store("readwrite").delete(find("key").value));
    say("forgotten");
    await show(store);
  });
  find("failed")?.focus();
  await show(store);
}

begin();
