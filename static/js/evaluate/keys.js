// Keys, while the focus is in no field. They can be switched off, for those whose speech or switch types letters.

import { within } from "./fields.js";

const DIGITS_MS = 1200;
const OFF = "evaluate-keys-off";
const TYPED_IN = "textarea, select, [contenteditable], input:not([type=radio]):not([type=checkbox]):not([type=range])";
const ACTS_ON_ENTER = `${TYPED_IN}, a, button, summary`;

export class Keys {
  constructor(root, { steps, fields, draft, restore }) {
    Object.assign(this, { root, steps, fields, draft, restore });
    this.dialog = root.querySelector("[data-keys]");
    this.digits = "";
    this.typed = 0;
    root.querySelector("[data-keys-open]").addEventListener("click", () => this.dialog.showModal());
    this.bindSwitch(root.querySelector("[data-keys-on]"));
    steps.addEventListener("step", () => {
      this.digits = "";
    });
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  bindSwitch(control) {
    try {
      control.checked = localStorage.getItem(OFF) === null;
    } catch {
      control.checked = true;
    }
    this.on = control.checked;
    control.addEventListener("change", () => {
      this.on = control.checked;
      try {
        if (this.on) {
          localStorage.removeItem(OFF);
        } else {
          localStorage.setItem(OFF, "yes");
        }
      } catch {
        // it holds for this page then
      }
    });
  }

  onKey(event) {
    const busy = event.defaultPrevented || event.isComposing || this.dialog.open;
    if (busy || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    if (event.target.matches("[data-slider]") && this.slide(event)) {
      return;
    }
    if (!this.on || event.target.closest(TYPED_IN) || !this.act(event)) {
      return;
    }
    event.preventDefault();
  }

  /** Shift makes the slider's own steps ten times as large. */
  slide(event) {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by) {
      event.preventDefault();
      this.moveProgress(event.target.dataset.slider, event.shiftKey ? 10 * by : by);
    }
    return Boolean(by);
  }

  act(event) {
    if (event.key === "?") {
      this.dialog.showModal();
      return true;
    }
    if (event.key === "Enter") {
      return this.enter(event);
    }
    const step = this.steps.current;
    if (step.startsWith("score-")) {
      return this.score(event, step.at(-1));
    }
    if (step === "restore") {
      return this.putBack(event);
    }
    return step === "judge" && this.judge(event);
  }

  enter(event) {
    if (event.target.closest(ACTS_ON_ENTER)) {
      return false;
    }
    if (event.shiftKey) {
      this.steps.back();
    } else {
      this.steps.primary();
    }
    return true;
  }

  score(event, side) {
    const inRadio = event.target.matches("[type=radio]");
    if (!this.fields.controls(`${side}_progress`).length) {
      return false;
    }
    if (/^\d$/.test(event.key)) {
      this.digit(event, side);
      return true;
    }
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by && !inRadio) {
      this.moveProgress(side, event.shiftKey ? 10 * by : by);
      return true;
    }
    const success = { y: true, n: false }[event.key.toLowerCase()];
    if (success !== undefined) {
      this.fields.enter(`${side}_success`, success);
      return true;
    }
    return false;
  }

  /** Digits that follow each other quickly are one number. */
  digit(event, side) {
    const together = event.timeStamp - this.typed < DIGITS_MS && Number(this.digits + event.key) <= 100;
    this.digits = together ? this.digits + event.key : event.key;
    this.typed = event.timeStamp;
    this.fields.enter(`${side}_progress`, Number(this.digits));
  }

  moveProgress(side, by) {
    this.fields.enter(`${side}_progress`, within((this.draft.get(`${side}_progress`) ?? 0) + by));
  }

  putBack(event) {
    const by = { ArrowRight: 5, ArrowLeft: -5 }[event.key];
    if (event.key.toLowerCase() === "f") {
      this.restore.flip();
      return true;
    }
    if (by && !event.target.matches("[type=range]")) {
      this.restore.shift(by);
      return true;
    }
    return false;
  }

  judge(event) {
    const preference = { a: "A", b: "B", t: "TIE", "=": "TIE" }[event.key.toLowerCase()];
    if (preference) {
      this.fields.enter("preference", preference);
    }
    return Boolean(preference);
  }
}
