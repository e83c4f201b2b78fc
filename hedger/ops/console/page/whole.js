// A page of which a part was lost on the way (a phone changed its network) loads itself again, with growing patience.
"use strict";
(() => {
  const KEY = "hedger.reloads";
  const FIRST_MS = 1_000;
  const LONGEST_MS = 15_000;
  let waiting = false;
  const kept = (write) => {
    try {
      if (write !== undefined) sessionStorage.setItem(KEY, String(write));
      return Number(sessionStorage.getItem(KEY) ?? 0) || 0;
    } catch {
      return 3; // without storage nothing is counted: a middling wait
    }
  };
  window.addEventListener(
    "error",
    (event) => {
      const part = event.target instanceof HTMLScriptElement || event.target instanceof HTMLLinkElement;
      if (!part || waiting) return;
      waiting = true;
      const tries = kept();
      kept(tries + 1);
      const word = document.getElementById("mode-word");
      if (word !== null) word.textContent = "This page did not load whole: trying again";
      setTimeout(() => location.reload(), Math.min(FIRST_MS * 2 ** tries, LONGEST_MS));
    },
    true,
  );
  window.addEventListener("load", () => !waiting && kept(0));
})();
