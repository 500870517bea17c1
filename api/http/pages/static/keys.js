// Keys and the slider of the reading pages: each does what a link, a field or a button on the page
// does, and nothing else. The page is whole without this file.
(() => {
  "use strict";
  const OFF = "socai-keys-off", SLID = "socai-slid", PLAYS = "socai-plays";
  const one = (selector) => document.querySelector(selector);
  const follow = (selector) => { const found = one(selector); if (found) found.click(); };
  const made = (name, members) => Object.assign(document.createElement(name), members);

  // keys
  const help = one("#phim");
  if (!help) return;
  const off = one("#phim-tat"), told = one("#phim-bao");
  const say = () => { off.textContent = localStorage.getItem(OFF) ? off.dataset.on : off.dataset.off; };
  const copy = () => navigator.clipboard.writeText(location.href)
    .then(() => { told.textContent = told.dataset.copied; }, () => {});
  const rows = () => [...document.querySelectorAll("main tbody th a, .timeline h2 a, .timeline h3 a")];
  const step = (by) => {
    const all = rows(), at = all.indexOf(document.activeElement);
    const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by;
    if (all[to]) all[to].focus();
  };
  const find = () => {
    const field = one("#f-q") || one(".filters input, .filters select");
    if (!field) return false;
    const folded = field.closest("details");
    if (folded) folded.open = true;
    field.focus();
    return true;
  };
  const list = () => { help.open = !help.open; if (help.open) help.querySelector("summary").focus(); };
  const GO = { v: "/viec-can-lam", h: "/ho-so", d: "/dien-bien" };
  const DO = {
    "j": () => step(1), "k": () => step(-1), "/": find, "?": list, "c": copy,
    "[": () => follow("main a[rel=prev]"), "]": () => follow("main a[rel=next]"),
    "{": () => follow("main a[data-key=first]"), "}": () => follow("main a[data-key=last]"),
    "d": () => follow("main a[data-key=d]"),
  };
  let going = false;
  help.hidden = false;
  say();
  off.addEventListener("click", () => {
    if (localStorage.getItem(OFF)) localStorage.removeItem(OFF); else localStorage.setItem(OFF, "1");
    say();
  });
  one("#phim-chep").addEventListener("click", copy);
  document.addEventListener("keydown", (event) => {
    const composes = event.isComposing || event.keyCode === 229;
    const writes = event.target.closest("input, select, textarea, [contenteditable]");
    if (composes || writes || event.ctrlKey || event.altKey || event.metaKey) return;
    if (localStorage.getItem(OFF) || event.key === "Shift") return;
    const then = going ? GO[event.key] : undefined;
    going = !going && event.key === "g";
    if (then) { follow(`header a[href="${then}"]`); return; }
    const act = going ? undefined : DO[event.key];
    if (act && act() !== false) event.preventDefault();
  });

  // slider
  const form = one("#truot"), field = one("#lan");
  if (!form || Number(field.max) < 2) return;
  const list_of = made("datalist", { id: "truot-moc" });
  // more marks than are seen apart would be a bar
  for (let n = 1; field.max <= 100 && n <= field.max; n += 1) list_of.append(made("option", { value: String(n) }));
  const range = made("input", { type: "range", min: field.min, max: field.max, value: field.value });
  range.setAttribute("aria-label", form.dataset.label);
  range.setAttribute("list", "truot-moc");
  const called = (n) => {
    const link = one(`.timeline a[href$="lan-ghi/${n}"]`);
    return link ? link.parentElement.textContent : String(n);
  };
  const tell = () => { field.value = range.value; range.setAttribute("aria-valuetext", called(range.value)); };
  let rest = 0;
  range.addEventListener("input", () => {
    tell();
    clearTimeout(rest);
    rest = setTimeout(() => { sessionStorage.setItem(SLID, "1"); form.requestSubmit(); }, 400);
  });
  field.addEventListener("input", () => { range.value = field.value; tell(); });
  const play = made("button", { type: "button" });
  const plays = () => sessionStorage.getItem(PLAYS) !== null;
  const stop = () => { sessionStorage.removeItem(PLAYS); play.textContent = form.dataset.play; };
  const next = () => one("#luc-do a[rel=next]");
  const go_on = () => { if (plays()) { if (next()) next().click(); else stop(); } };
  play.addEventListener("click", () => {
    if (plays()) { stop(); return; }
    sessionStorage.setItem(PLAYS, "1");
    play.textContent = form.dataset.pause;
    if (next()) { next().click(); return; }
    range.value = range.min;
    tell();
    form.requestSubmit();
  });
  const slot = made("p", { className: "slide" });
  slot.append(range, list_of, play);
  form.prepend(slot);
  tell();
  if (sessionStorage.getItem(SLID)) { sessionStorage.removeItem(SLID); range.focus(); }
  if (plays() && next()) { play.textContent = form.dataset.pause; play.focus(); setTimeout(go_on, 2500); }
  else stop();
})();
