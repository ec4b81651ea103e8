// What goes on at the platform: the clients of both sides, changes from elsewhere, the end of the session.

import { NoConnection, Refused } from "./api.js";

const EVERY_MS = 3000;

export class Live extends EventTarget {
  constructor(api) {
    super();
    this.api = api;
    this.timer = null;
    this.stopped = false;
    document.addEventListener("visibilitychange", () => this.ask());
    addEventListener("online", () => this.ask());
    this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    if (!this.stopped) {
      this.timer = setTimeout(() => this.ask(), EVERY_MS);
    }
  }

  /** Whether the platform answered. Nobody looks at a hidden page, so it asks only where it must know. */
  async ask({ evenHidden = false } = {}) {
    if (this.stopped || (document.hidden && !evenHidden)) {
      this.wait();
      return false;
    }
    clearTimeout(this.timer);
    let answered = false;
    try {
      this.tell("live", await this.api.get("/live"));
      answered = true;
    } catch (error) {
      if (error instanceof Refused && !error.passes) {
        this.tell("refused", error);
      } else if (error instanceof NoConnection) {
        this.tell("away");
      }
    }
    this.wait();
    return answered;
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const STEPS = {
  none: "no step yet",
  "a few": "a few steps so far",
  tens: "tens of steps so far",
  hundreds: "hundreds of steps so far",
  thousands: "thousands of steps so far",
};
const WORDS = {
  never: () => "Waiting for your client",
  open: (steps) => `Connected, ${STEPS[steps]}`,
  closed: (steps) => `The connection is closed, ${STEPS[steps]}`,
};
const ANNOUNCED = {
  never: "waiting for your client",
  open: "your client is connected",
  closed: "the connection is closed",
};
const HINTS = {
  never: "Start it with one of the lines below. This page follows what it does.",
  open: "When the rollout is over, stop the client or just go on.",
  closed: "If the rollout is over, go on. Otherwise start the client again with the same line.",
};
const TROUBLE =
  "Something went wrong between the platform and the policy. Start the client again; if it stays so, give the session up " +
  "or mark it as not fair, because a policy server did not answer.";

/** The platform does not answer: what is shown may be old. */
export function showAway(root) {
  for (const hint of root.querySelectorAll("[data-live-hint]")) {
    hint.textContent = "No connection to the platform: this is how it stood last. Your robot’s client may still be running.";
  }
}

/** Show what a side's client does. Only a change of the connection is announced. */
export function showLive(root, label, { connection, steps, trouble }) {
  const card = root.querySelector(`[data-live="${label}"]`);
  const text = WORDS[connection](steps);
  const before = card.dataset.connection;
  card.dataset.connection = connection;
  card.querySelector("[data-live-dot]").dataset.liveDot = trouble ? "trouble" : connection;
  card.querySelector("[data-live-text]").textContent = text;
  card.querySelector("[data-live-hint]").textContent = HINTS[connection];
  const complaint = card.querySelector("[data-live-trouble]");
  complaint.hidden = !trouble;
  complaint.textContent = trouble ? TROUBLE : "";
  if (before && before !== connection) {
    root.querySelector(`[data-live-announce="${label}"]`).textContent = `Side ${label}: ${ANNOUNCED[connection]}`;
  }
}
