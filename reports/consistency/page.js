"use strict";
// Steps through runs. Without it the page shows the same, all steps at once.
(() => {
  const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };

  // What the threads share after a step: each operation says what it changed.
  const stateAt = (steps, at) => {
    const state = new Map();
    for (let i = 0; i <= at; i++) {
      for (const change of steps[i].querySelectorAll("div > div")) {
        const name = change.querySelector("b").textContent;
        if (change.classList.contains("gone")) state.delete(name);
        else state.set(name, { value: change.querySelector("span").textContent, changed: i === at });
      }
    }
    return state;
  };

  const openStepper = (runs) => {
    const panel = make("div");
    panel.className = "stepper";
    panel.setAttribute("role", "group");
    panel.setAttribute("aria-label", "Step through the run");
    const button = (text, what, move) => {
      const made = make("button", text, panel);
      made.type = "button";
      made.title = what;
      made.addEventListener("click", () => show(move()));
      return made;
    };
    let at = -1;
    const shownRun = () =>
      runs.querySelector(".pick .other:checked") ? runs.querySelector(".passing") : runs.querySelector(".failing");
    const stepsOf = (run) => [...run.querySelectorAll("li:not(.gap)")];
    const first = button("All", "all steps at once (Home)", () => -1);
    const back = button("◀ Back", "one step back (arrow left)", () => at - 1);
    const place = make("span", "", panel);
    place.setAttribute("aria-live", "polite");
    const next = button("Next ▶", "one step forward (arrow right)", () => at + 1);
    const last = button("End", "the last step (End)", () => stepsOf(shownRun()).length - 1);
    const list = make("dl", "", panel);
    list.tabIndex = 0;
    list.setAttribute("aria-label", "Shared state");

    function show(to) {
      const steps = stepsOf(shownRun());
      at = Math.max(-1, Math.min(to, steps.length - 1));
      steps.forEach((step, i) => {
        step.classList.toggle("now", i === at);
        step.classList.toggle("later", at >= 0 && i > at);
        if (i === at) step.setAttribute("aria-current", "step");
        else step.removeAttribute("aria-current");
      });
      first.disabled = back.disabled = at < 0;
      next.disabled = last.disabled = at === steps.length - 1;
      place.textContent = at < 0 ? `${steps.length} rows` : `${at + 1} of ${steps.length}`;
      list.replaceChildren();
      const state = at < 0 ? new Map() : stateAt(steps, at);
      for (const [name, { value, changed }] of state) {
        make("dt", name, list);
        make("dd", value, list).className = changed ? "changed" : "";
      }
      list.hidden = at < 0;
      if (at >= 0 && state.size === 0) {
        make("dt", "shared state", list);
        make("dd", "nothing yet", list);
      }
      if (at >= 0) steps[at].scrollIntoView({ block: "nearest" });
    }
    runs.addEventListener("change", () => show(at));
    runs.addEventListener("keydown", (event) => {
      const move = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: -1, End: Infinity }[event.key];
      if (move === undefined || event.target.matches("input") || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      show(move);
    });
    runs.addEventListener("click", (event) => {
      const step = event.target.closest(".lanes li:not(.gap)");
      if (step && !getSelection().toString()) show(stepsOf(shownRun()).indexOf(step));
    });
    runs.prepend(panel);
    show(-1);
  };

  // What is folded is text until it is needed.
  const prepare = (details) => {
    const folded = details.open && details.querySelector("noscript");
    if (folded) {
      const body = document.createRange().createContextualFragment(folded.textContent);
      folded.replaceWith(body);
    }
    const runs = details.querySelector(".runs");
    if (details.open && runs && !runs.querySelector(".stepper")) openStepper(runs);
  };
  document.querySelectorAll("details.cx").forEach((details) => {
    details.addEventListener("toggle", () => prepare(details));
    prepare(details);
  });

  // A link to something folded opens it.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let outer = target; outer; outer = outer.parentElement) if (outer.tagName === "DETAILS") outer.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) {
      details.open = true;
      if (details.matches(".cx")) prepare(details);
    }
    document.querySelectorAll("details").forEach((one) => (one.open = true));
  });
})();
