// The form's controls and the draft's fields: reading one from the other, both ways.

const READERS = {
  progress: (controls) => readPercent(controls[0]),
  success: readChoice,
  failure_modes: (controls) => controls.filter((control) => control.checked).map((control) => control.value),
  recovered: (controls) => controls[0].checked,
  scene_restored: (controls) => controls[0].checked,
  preference: readRadio,
  invalid_reason: readRadio,
  valid: (controls) => readChoice(controls) !== false,
  notes: (controls) => controls[0].value,
  invalid_comment: (controls) => controls[0].value,
};

const WRITERS = {
  progress: (controls, value) => writeText(controls[0], value ?? ""),
  success: (controls, value) => check(controls, { true: "yes", false: "no" }[value]),
  failure_modes: (controls, value) => {
    for (const control of controls) {
      control.checked = (value ?? []).includes(control.value);
    }
  },
  recovered: (controls, value) => {
    controls[0].checked = Boolean(value);
  },
  scene_restored: (controls, value) => {
    controls[0].checked = Boolean(value);
  },
  preference: check,
  invalid_reason: check,
  valid: (controls, value) => check(controls, value === false ? "no" : "yes"),
  notes: (controls, value) => writeText(controls[0], value ?? ""),
  invalid_comment: (controls, value) => writeText(controls[0], value ?? ""),
};

export class Fields {
  constructor(form, draft) {
    this.form = form;
    this.draft = draft;
    form.addEventListener("input", (event) => this.onInput(event.target));
    form.addEventListener("change", (event) => this.onChange(event.target));
    form.addEventListener("click", (event) => this.onClick(event));
    draft.addEventListener("merged", (event) => event.detail.forEach((name) => this.show(name)));
  }

  controls(name) {
    return [...this.form.querySelectorAll(`[data-field="${name}"]`)];
  }

  /** Enter a value as if it had been entered by hand. */
  enter(name, value) {
    this.draft.set(name, value);
    this.show(name);
  }

  show(name) {
    const controls = this.controls(name);
    if (controls.length > 0) {
      WRITERS[kind(name)](controls, this.draft.get(name));
    }
    if (kind(name) === "progress") {
      this.paintScale(name[0]);
    }
  }

  showAll() {
    const names = new Set([...this.form.querySelectorAll("[data-field]")].map((control) => control.dataset.field));
    names.forEach((name) => this.show(name));
  }

  onInput(control) {
    if (control.dataset.slider) {
      this.enter(`${control.dataset.slider}_progress`, Number(control.value));
    } else if (control.dataset.field) {
      this.take(control.dataset.field);
    }
  }

  /** A number beyond the scale is brought back to its end. */
  onChange(control) {
    const name = control.dataset.field;
    if (name && kind(name) === "progress") {
      this.enter(name, control.value === "" ? null : within(Math.round(Number(control.value))));
    } else if (name) {
      this.take(name);
    }
  }

  onClick(event) {
    const stage = event.target.closest("[data-stage]");
    if (stage) {
      this.enter(`${stage.dataset.stage}_progress`, Number(stage.dataset.percent));
    }
  }

  take(name) {
    const value = READERS[kind(name)](this.controls(name));
    if (value !== undefined) {
      this.draft.set(name, value);
      if (kind(name) === "progress") {
        this.paintScale(name[0]);
      }
    }
  }

  paintScale(side) {
    const value = this.draft.get(`${side}_progress`) ?? null;
    const slider = this.form.querySelector(`[data-slider="${side}"]`);
    if (!slider) {
      return;
    }
    slider.value = value ?? 0;
    slider.toggleAttribute("data-unset", value === null);
    slider.setAttribute("aria-valuetext", value === null ? "not entered yet" : `${value} per cent`);
    for (const stage of this.form.querySelectorAll(`[data-stage="${side}"]`)) {
      const percent = Number(stage.dataset.percent);
      stage.setAttribute("aria-pressed", String(value === percent));
      stage.toggleAttribute("data-reached", value !== null && percent <= value && percent > 0);
    }
  }
}

/** `a_progress` is a progress. */
function kind(name) {
  return name.replace(/^[ab]_/, "");
}

export function within(value) {
  return Math.min(100, Math.max(0, value));
}

/** Undefined while what stands there is no progress. */
function readPercent(control) {
  if (control.value === "" && !control.validity.badInput) {
    return null;
  }
  const value = Number(control.value);
  return Number.isInteger(value) && within(value) === value && control.value !== "" ? value : undefined;
}

function readRadio(controls) {
  return controls.find((control) => control.checked)?.value ?? null;
}

function readChoice(controls) {
  return { yes: true, no: false }[readRadio(controls)] ?? null;
}

/** The cursor of somebody who is typing stays where it is. */
function writeText(control, value) {
  if (control.value !== String(value)) {
    control.value = value;
  }
}

function check(controls, value) {
  for (const control of controls) {
    control.checked = control.value === value;
  }
}
