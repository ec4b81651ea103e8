// The steps are sections of one page, so that uploads go on while the evaluator moves among them. The address says which.

export class Steps extends EventTarget {
  constructor(root, fields) {
    super();
    this.root = root;
    this.fields = fields;
    this.sections = [...root.querySelectorAll("[data-step]")];
    this.title = document.title;
    root.addEventListener("click", (event) => this.onClick(event));
    addEventListener("popstate", () => this.show(this.wanted() ?? this.first, { push: false }));
    this.first = this.current;
    history.replaceState(null, "", addressOf(this.first));
    this.show(this.first, { push: false, focus: false });
  }

  get current() {
    return this.section.dataset.step;
  }

  get section() {
    return this.sections.find((section) => section.classList.contains("is-current")) ?? this.sections[0];
  }

  wanted() {
    const slug = new URLSearchParams(location.search).get("step");
    return this.sections.some((section) => section.dataset.step === slug) ? slug : null;
  }

  onClick(event) {
    const link = event.target.closest("[data-go]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) {
      return;
    }
    event.preventDefault();
    if (link.dataset.sets) {
      this.fields.enter(link.dataset.sets, true);
    }
    this.show(link.dataset.go);
  }

  show(slug, { push = true, focus = true } = {}) {
    const leaving = this.current;
    for (const section of this.sections) {
      section.classList.toggle("is-current", section.dataset.step === slug);
    }
    for (const stop of this.root.querySelectorAll("[data-stop]")) {
      const link = stop.querySelector("a");
      if (stop.dataset.stop === slug) {
        link.setAttribute("aria-current", "step");
        link.scrollIntoView({ block: "nearest", inline: "center" });
      } else {
        link.removeAttribute("aria-current");
      }
    }
    document.title = `${this.section.dataset.title} · ${this.title}`;
    if (push && slug !== leaving) {
      history.pushState(null, "", addressOf(slug));
    }
    if (focus) {
      this.section.querySelector("h2").focus({ preventScroll: true });
      scrollTo({ top: 0 });
    }
    this.dispatchEvent(new CustomEvent("step", { detail: slug }));
  }

  markDone(done) {
    for (const stop of this.root.querySelectorAll("[data-stop]")) {
      const isDone = done.has(stop.dataset.stop);
      stop.classList.toggle("is-done", isDone);
      stop.querySelector("[data-done]").textContent = isDone ? "(done)" : "";
    }
  }

  primary() {
    this.section.querySelector("[data-primary]")?.click();
  }

  back() {
    this.section.querySelector(".step-actions [data-go]:not([data-primary])")?.click();
  }
}

function addressOf(slug) {
  return `?step=${slug}`;
}

/** As evaluations/evaluate/steps.py says it. */
export function doneSteps(values, told) {
  const done = new Set();
  for (const side of ["a", "b"]) {
    const scored = side.toUpperCase() in told || (isSaid(values[`${side}_progress`]) && isSaid(values[`${side}_success`]));
    if (scored) {
      done.add(`score-${side}`);
    }
    if (scored || values[`${side}_done`]) {
      done.add(`run-${side}`);
    }
  }
  if (values.scene_restored || done.has("run-b")) {
    done.add("restore");
  }
  if (values.preference || (values.valid === false && values.invalid_reason)) {
    done.add("judge");
  }
  return done;
}

function isSaid(value) {
  return value !== null && value !== undefined;
}
