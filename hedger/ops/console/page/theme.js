// Which colours: what the system says, or what was chosen here. A classic script in the head, so that no page flashes.
"use strict";
(() => {
  const KEY = "hedger.theme";
  const ORDER = ["auto", "light", "dark"];
  const kept = () => {
    try {
      return ORDER.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto";
    } catch {
      return "auto"; // storage may be forbidden: the choice then lasts as long as the page
    }
  };
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
  };
  show(kept());
  window.hedgerTheme = {
    get current() {
      return document.documentElement.dataset.theme;
    },
    next() {
      const theme = ORDER[(ORDER.indexOf(this.current) + 1) % ORDER.length];
      show(theme);
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // it stays for this page
      }
      window.dispatchEvent(new Event("hedger-theme"));
      return theme;
    },
  };
})();
