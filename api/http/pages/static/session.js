// What belongs to whoever is signed in: shown to nobody once they left, asked for once where each
// answer takes a number. The pages are whole without this file.
(() => {
  "use strict";
  const LEFT = "socai-left", leave = document.querySelector("header .leave");
  const hide = () => { document.documentElement.hidden = true; location.reload(); };
  if (leave) leave.addEventListener("submit", () => localStorage.setItem(LEFT, Date.now()));
  // another window left
  addEventListener("storage", (event) => { if (event.key === LEFT) hide(); });
  // Back: a browser shows a page from its memory, which no header of signing out reaches
  addEventListener("pageshow", (event) => {
    if (event.persisted && Number(localStorage.getItem(LEFT)) > performance.timeOrigin) hide();
  });
  for (const form of document.querySelectorAll("form[data-once]")) {
    let last = -Infinity;
    form.addEventListener("submit", (event) => {
      if (event.timeStamp - last < Number(form.dataset.once)) event.preventDefault();
      else last = event.timeStamp;
    });
  }
})();
