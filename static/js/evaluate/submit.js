// Submitting: first all that was entered must be on the server, and videos on their way may arrive.

import { reach } from "./api.js";

const LOOK_MS = 500;

export class Submit {
  /** `uploads()` is how many files are on their way; `say` shows a trouble. */
  constructor(root, { form, draft, page, uploads, say, refresh }) {
    Object.assign(this, { root, form, draft, page, uploads, say, refresh });
    this.button = root.querySelector("[data-submit]");
    this.waiting = root.querySelector("[data-submit-wait]");
    this.text = root.querySelector("[data-submit-wait-text]");
    this.busy = false;
    form.addEventListener("submit", (event) => this.onSubmit(event));
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input:not([type=file])")) {
        event.preventDefault(); // Enter in a field does not submit
      }
    });
    root.querySelector("[data-submit-anyway]").addEventListener("click", () => this.send());
    root.querySelector("[data-submit-stop]").addEventListener("click", () => this.stop());
  }

  onSubmit(event) {
    event.preventDefault();
    if (this.uploads() > 0) {
      this.wait();
    } else {
      this.send();
    }
  }

  wait() {
    this.waiting.hidden = false;
    this.button.disabled = true;
    this.timer = setInterval(() => this.onUploads(), LOOK_MS);
    this.onUploads();
  }

  stop() {
    clearInterval(this.timer);
    this.waiting.hidden = true;
    this.button.disabled = false;
  }

  onUploads() {
    const left = this.uploads();
    if (left === 0) {
      this.stop();
      this.send();
    } else {
      const files = left === 1 ? "One video is" : `${left} videos are`;
      this.text.textContent = `${files} still on the way. The result is submitted as soon as they have arrived.`;
    }
  }

  async send() {
    if (this.busy) {
      return;
    }
    this.stop();
    this.busy = true;
    this.button.disabled = true;
    try {
      await this.ask();
    } catch {
      this.say("No connection: nothing was submitted. What you entered is kept; try again.");
    } finally {
      this.busy = false;
      this.button.disabled = false;
    }
  }

  async ask() {
    if (!(await this.draft.flush()) || this.draft.contested.size > 0) {
      this.say("Not everything that you entered is on the server yet, so nothing was submitted.");
      return;
    }
    const body = new URLSearchParams(new FormData(this.form));
    const answer = await reach(this.form.action, { method: "POST", body, credentials: "same-origin" });
    if (answer.redirected && answer.ok) {
      this.draft.belt.keep(null);
      location.assign(this.page);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const problem = page.querySelector("#problem p") ?? page.querySelector("main h1");
    this.say(problem?.textContent ?? "It could not be submitted.");
    this.refresh();
  }
}
