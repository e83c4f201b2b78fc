// A button that fires when it is held, by pointer or key, and asks when it is only pressed: nobody hits it by accident.

const HOLD_MS = 1_000;
const CLICK_MS = 500; // within so long after a release comes the click that belongs to it

export function holding(button, { held, pressed }) {
  let timer = null;
  let fired = false;

  const begin = () => {
    if (timer !== null) return;
    fired = false;
    button.classList.add("holding");
    timer = setTimeout(() => {
      timer = null;
      fired = true;
      button.classList.remove("holding");
      held();
    }, HOLD_MS);
  };
  const end = () => {
    clearTimeout(timer);
    timer = null;
    button.classList.remove("holding");
  };

  button.addEventListener("pointerdown", (event) => {
    if (event.button === 0) begin();
  });
  for (const event of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(event, end);
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch opens a menu elsewhere
  button.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    // Enter presses at once, and its repeats then press what asks: it is held and released like the space bar.
    if (event.repeat || event.key === "Enter") event.preventDefault();
    if (!event.repeat) begin();
  });
  button.addEventListener("keyup", (event) => {
    const asks = event.key === "Enter" && timer !== null;
    end();
    if (asks) pressed();
  });
  // What was held may be released elsewhere, and then no click follows: the next one is a press again.
  for (const event of ["pointerup", "pointercancel", "keyup"]) {
    window.addEventListener(event, () => fired && setTimeout(() => (fired = false), CLICK_MS), true);
  }
  // A screen reader or a voice presses without holding, and so does a short touch: they are asked.
  button.addEventListener("click", () => {
    end();
    if (fired) fired = false;
    else pressed();
  });
}
