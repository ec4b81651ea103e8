// What the evaluator has entered, kept on the server at every change.
//
// `values` is what this page shows, `base` what the server is known to hold. A field that is entered here and has been
// changed elsewhere meanwhile is contested: it is neither sent nor overwritten until the evaluator has chosen. What the
// server has not acknowledged yet also lies in the browser's storage, so that a crash of the tab loses nothing.

import { NoConnection, Refused } from "./api.js";

const DELAY_MS = 400;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];

export class Draft extends EventTarget {
  /** `send(revision, changes, keepalive)` asks the server and gives its answer. */
  constructor({ revision, values, send, belt }) {
    super();
    this.revision = revision;
    this.values = { ...values };
    this.base = { ...values };
    this.send = send;
    this.belt = belt;
    this.dirty = new Set();
    this.contested = new Map();
    this.state = "saved";
    this.failures = 0;
    this.sending = null;
    this.timer = null;
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    if (same(this.values[name], value)) {
      return;
    }
    this.values[name] = value;
    const contest = this.contested.get(name);
    if (contest) {
      contest.mine = value;
      this.tell("conflict");
      return;
    }
    this.dirty.add(name);
    this.keepBelt();
    this.turn("waiting");
    this.schedule(DELAY_MS);
  }

  schedule(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), delay);
  }

  /** Everything is on the server when this ends with true. */
  async flush() {
    clearTimeout(this.timer);
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
    });
    await this.sending;
    return this.dirty.size === 0;
  }

  async sendAll() {
    while (this.dirty.size > 0) {
      this.turn("saving");
      const changes = this.changes();
      try {
        this.acknowledge(changes, await this.send(this.revision, changes, false));
      } catch (error) {
        if (!this.survive(error)) {
          return;
        }
      }
    }
    this.failures = 0;
    this.turn("saved");
  }

  changes() {
    return Object.fromEntries([...this.dirty].map((name) => [name, this.values[name]]));
  }

  acknowledge(changes, answer) {
    for (const [name, value] of Object.entries(changes)) {
      this.base[name] = value;
      if (same(this.values[name], value)) {
        this.dirty.delete(name);
      }
    }
    this.merge(answer);
    this.tell("answer", answer);
  }

  /** Whether sending can go on at once. */
  survive(error) {
    if (error instanceof Refused && error.code === "draft_changed") {
      this.contest(error.error.fields, error.error.draft);
      return true;
    }
    if (error instanceof NoConnection || (error instanceof Refused && error.passes)) {
      this.schedule(RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]);
      this.failures += 1;
      this.turn("offline");
    } else {
      this.turn("refused");
      this.tell("refused", error);
    }
    return false;
  }

  contest(names, draft) {
    for (const name of names) {
      this.contested.set(name, { mine: this.values[name], theirs: draft.values[name] });
      this.dirty.delete(name);
    }
    this.merge(draft);
    this.tell("conflict");
  }

  /** Take over what the server holds, save what is being entered here. */
  merge({ revision, values }) {
    if (revision < this.revision) {
      return;
    }
    this.revision = revision;
    const changed = [];
    let contested = false;
    for (const [name, theirs] of Object.entries(values)) {
      const news = !same(theirs, this.base[name]);
      this.base[name] = theirs;
      if (this.contested.has(name)) {
        this.contested.get(name).theirs = theirs;
        contested ||= news;
      } else if (this.dirty.has(name)) {
        contested = this.meet(name, theirs, news) || contested;
      } else if (!same(this.values[name], theirs)) {
        this.values[name] = theirs;
        changed.push(name);
      }
    }
    this.keepBelt();
    this.tell("merged", changed);
    if (contested) {
      this.tell("conflict");
    }
  }

  /** A field that is entered here was looked at: true where somebody else has changed it. */
  meet(name, theirs, news) {
    if (same(theirs, this.values[name])) {
      this.dirty.delete(name);
    } else if (news) {
      this.contested.set(name, { mine: this.values[name], theirs });
      this.dirty.delete(name);
      return true;
    }
    return false;
  }

  keepMine(name) {
    this.values[name] = this.contested.get(name).mine;
    this.contested.delete(name);
    if (!same(this.values[name], this.base[name])) {
      this.dirty.add(name);
    }
    this.keepBelt();
    this.tell("conflict");
    this.schedule(0);
  }

  takeTheirs(name) {
    this.values[name] = this.contested.get(name).theirs;
    this.contested.delete(name);
    this.tell("merged", [name]);
    this.tell("conflict");
  }

  /** The page goes away: what is not on the server yet is sent without waiting for the answer. */
  leave() {
    if (this.dirty.size > 0 && this.state !== "refused") {
      this.send(this.revision, this.changes(), true).catch(() => {});
    }
  }

  keepBelt() {
    const base = Object.fromEntries([...this.dirty].map((name) => [name, this.base[name] ?? null]));
    this.belt.keep(this.dirty.size > 0 ? { base, changes: this.changes() } : null);
  }

  /** What an earlier page of this session could not send: entered anew, contested where the server moved on. */
  recover() {
    for (const { base, changes } of this.belt.take()) {
      for (const [name, value] of Object.entries(changes)) {
        this.recoverField(name, value, base[name]);
      }
    }
    if (this.dirty.size > 0) {
      this.schedule(0);
    }
    if (this.contested.size > 0) {
      this.tell("conflict");
    }
    this.keepBelt();
  }

  recoverField(name, mine, base) {
    const theirs = this.base[name] ?? null;
    if (same(theirs, mine)) {
      return;
    }
    this.values[name] = mine;
    if (same(theirs, base)) {
      this.dirty.add(name);
    } else {
      this.contested.set(name, { mine, theirs });
    }
  }

  turn(state) {
    this.state = state;
    this.tell("state", state);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

export function same(one, other) {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** The browser's storage for one session: a place a tab, read by whichever opens the session next. */
export class Belt {
  constructor(session) {
    this.prefix = `evaluate:${session}:`;
    this.key = this.prefix + tabName();
  }

  keep(entry) {
    attempt(() => {
      if (entry) {
        localStorage.setItem(this.key, JSON.stringify(entry));
      } else {
        localStorage.removeItem(this.key);
      }
    });
  }

  take() {
    const found = [];
    attempt(() => {
      for (const key of Object.keys(localStorage).filter((name) => name.startsWith(this.prefix))) {
        const entry = JSON.parse(localStorage.getItem(key));
        localStorage.removeItem(key);
        found.push({ base: entry.base ?? {}, changes: entry.changes ?? {} });
      }
    });
    return found;
  }
}

function tabName() {
  let name = "tab";
  attempt(() => {
    name = sessionStorage.getItem("evaluate-tab") ?? crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
    sessionStorage.setItem("evaluate-tab", name);
  });
  return name;
}

/** A browser may refuse its storage; the server is what counts. */
function attempt(act) {
  try {
    act();
  } catch {
    // nothing is lost: it is only the second copy
  }
}
