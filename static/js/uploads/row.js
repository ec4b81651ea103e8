// The row of a file on its way: what is said of it in each state, and which buttons it has.

import { megabytes, timeLeft } from "./words.js";

const OTHER = "other…";
const STATES = {
  new: "Which camera is this?",
  waiting: "waiting for its turn",
  elsewhere: "being sent in another tab",
  sending: "sending",
  retrying: "the connection broke; trying again",
  offline: "waiting for the network",
  paused: "paused",
  failed: "",
  missing: "Choose the same file again to go on.",
  done: "arrived",
};

export class Row {
  constructor(transfer, { cameras, onKind, onRemove }) {
    this.transfer = transfer;
    this.onKind = onKind;
    this.onRemove = onRemove;
    this.element = document.createElement("li");
    this.element.className = "upload-row";
    this.element.dataset.kind = transfer.kind;
    this.name = make("span", "upload-name", transfer.file.name);
    this.camera = this.makeCamera(cameras);
    this.bar = make("progress", "upload-bar");
    this.bar.max = transfer.file.size;
    this.bar.setAttribute("aria-label", `${transfer.file.name}: sent`);
    this.words = make("p", "upload-words");
    this.act = make("button", "button button-quiet", "Pause");
    this.drop = make("button", "button button-quiet", "Cancel");
    this.act.type = this.drop.type = "button";
    this.act.addEventListener("click", () => (transfer.isGoing ? transfer.pause() : transfer.start()));
    this.drop.addEventListener("click", () => this.onRemove());
    const buttons = make("div", "upload-buttons");
    buttons.append(this.act, this.drop);
    this.element.append(this.name, this.camera, this.bar, this.words, buttons);
    transfer.addEventListener("change", () => this.show());
    this.show();
  }

  makeCamera(cameras) {
    const label = make("label", "upload-camera");
    const select = make("select", "upload-select");
    const known = [...new Set([...cameras, "overhead", "trajectory", this.transfer.kind].filter(Boolean))];
    select.append(new Option("Choose…", ""), ...known.map((kind) => new Option(kind, kind)), new Option("another", OTHER));
    select.value = this.transfer.kind;
    select.setAttribute("aria-label", `Camera of ${this.transfer.file.name}`);
    const free = make("input", "upload-free");
    free.hidden = true;
    free.maxLength = 24;
    free.setAttribute("aria-label", `Name of the camera of ${this.transfer.file.name}`);
    select.addEventListener("change", () => {
      free.hidden = select.value !== OTHER;
      if (free.hidden) {
        this.onKind(select.value);
      } else {
        free.focus();
      }
    });
    free.addEventListener("change", () => this.onKind(slug(free.value)));
    free.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault(); // or the form around would be sent
        this.onKind(slug(free.value));
      }
    });
    label.append(make("span", "", "Camera"), select, free);
    this.select = select;
    return label;
  }

  show() {
    const { transfer } = this;
    const { state, file } = transfer;
    this.element.dataset.state = state;
    this.element.dataset.kind = transfer.kind;
    this.bar.hidden = ["new", "failed", "refused"].includes(state);
    this.bar.value = transfer.sent;
    this.words.textContent = this.sentence();
    this.act.hidden = ["new", "missing", "refused", "done", "cancelled"].includes(state);
    this.drop.hidden = state === "done";
    const word = transfer.isGoing ? "Pause" : state === "failed" ? "Try again" : "Resume";
    label(this.act, word, file.name);
    label(this.drop, ["new", "failed", "refused"].includes(state) ? "Remove" : "Cancel", file.name);
    this.camera.hidden = state === "refused";
    this.select.disabled = ["missing", "done"].includes(state);
  }

  sentence() {
    const { state, sent, file, problem, rate } = this.transfer;
    const size = `${megabytes(sent)} of ${megabytes(file.size)} MB`;
    switch (state) {
      case "sending":
        return [size, timeLeft(rate.secondsFor(file.size - sent))].filter(Boolean).join(", ");
      case "failed":
      case "refused":
        return problem;
      case "retrying":
        return [size, problem || STATES.retrying].join(", ");
      case "new":
        return problem || STATES.new;
      default:
        return [size, STATES[state]].join(", ");
    }
  }

  /** For a screen reader, once a change: not each step of the progress. */
  get announcement() {
    const { state, problem, file } = this.transfer;
    return `${file.name}: ${state === "failed" ? problem : (STATES[state] ?? state)}`;
  }
}

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) {
    element.className = className;
  }
  element.textContent = text;
  return element;
}

function label(button, word, name) {
  if (button.textContent !== word) {
    button.textContent = word;
    button.setAttribute("aria-label", `${word} ${name}`);
  }
}

/** A free name as the server takes it: small letters, digits and hyphens. */
function slug(text) {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 24);
}
