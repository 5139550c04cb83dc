// Runs before everything else: what is pressed while the page's modules are still coming is kept, and done in
// the same order once they listen. Links and forms with an address of their own go their way at once.
(() => {
  const says = document.currentScript.dataset.ready; // the event by which a page tells that it listens
  const kept = []; // {target, name, redo}, in the order of the presses
  let over = false;

  function keep(target, name, redo) {
    const same = kept.findIndex((each) => each.target === target && each.name === name);
    if (same >= 0) kept.splice(same, 1); // pressed twice in impatience is meant once
    kept.push({ target, name, redo });
  }

  function stop(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  const goesAlone = (form) => form.hasAttribute("action") || form.hasAttribute("method");

  function clicked(event) {
    const button = event.target.closest?.("button, [role=button]");
    if (!button || button.disabled || button.matches("[data-again]")) return;
    if (button.form && button.type === "submit" && goesAlone(button.form)) return;
    stop(event);
    button.setAttribute("aria-busy", "true");
    keep(button, "click", () => {
      button.removeAttribute("aria-busy");
      button.click();
    });
  }

  function submitted(event) {
    const form = event.target;
    if (goesAlone(form)) return;
    stop(event);
    keep(form, "submit", () => form.requestSubmit());
  }

  // Enter that sends what was written: a line break must not come of it
  function typed(event) {
    const { target, key, ctrlKey, metaKey, shiftKey } = event;
    if (key !== "Enter" || event.isComposing || event.keyCode === 229 || !target.matches?.("textarea")) return;
    if (!ctrlKey && !metaKey && (shiftKey || target.enterKeyHint !== "send")) return;
    stop(event);
    const again = () => new KeyboardEvent("keydown", { key, ctrlKey, metaKey, bubbles: true, cancelable: true });
    keep(target, "keydown", () => target.dispatchEvent(again()));
  }

  function changed({ type, target }) {
    keep(target, type, () => target.dispatchEvent(new Event(type, { bubbles: true })));
  }

  const heard = { click: clicked, submit: submitted, keydown: typed, input: changed, change: changed };
  for (const [name, hear] of Object.entries(heard)) addEventListener(name, hear, true);

  function listens() {
    if (over) return;
    over = true;
    for (const [name, hear] of Object.entries(heard)) removeEventListener(name, hear, true);
    for (const { target, redo } of kept) if (target.isConnected) redo();
  }
  if (says) document.addEventListener(says, listens);
  else document.addEventListener("DOMContentLoaded", listens);

  // A module that did not come, or failed at once: nothing would answer, so the page says it.
  function broken(event) {
    const script = event.target?.tagName === "SCRIPT";
    if (over ? !script : !(script || event instanceof ErrorEvent)) return;
    const tell = () => {
      const band = document.getElementById("broken");
      if (band) band.hidden = false;
      listens();
    };
    if (document.body && document.getElementById("broken")) tell();
    else document.addEventListener("DOMContentLoaded", tell);
  }
  addEventListener("error", broken, true);
  addEventListener("click", (event) => {
    if (event.target.closest?.("[data-again]")) location.reload();
  });
})();
