// Argon2id of a passphrase, off the page's thread. What it gets and gives back it keeps nothing of.
import { argon2id } from "./noble/argon2.js";

onmessage = ({ data: { passphrase, salt, t, p, m } }) => {
  try {
    const key = argon2id(passphrase, salt, { t, p, m, dkLen: 32 });
    postMessage({ key }, [key.buffer]);
  } catch {
    postMessage({});
  } finally {
    passphrase.fill(0);
  }
};
