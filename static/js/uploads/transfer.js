// One file on its way: tus with a back-off of our own, which goes on for as long as the page is open.

import { forget, isKept, keep, note } from "./kept.js";
import { Rate, problemIn } from "./words.js";

const CHUNK_BYTES = 4 * 1024 * 1024;
const AT_ONCE = 3;
const LONGEST_PAUSE_S = 30;
const TUS = new URL("../../vendor/tus/tus.min.js", import.meta.url).href;
const TUS_INTEGRITY = "sha384-UlHjK3F7TCQCEUpnoa1ohMbP2oaWB3Aypv4gMo511vaZ86uUZ0Zv7UzZ0J1zRUT1";

let tusLoading;

function loadTus() {
  tusLoading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = TUS;
    script.integrity = TUS_INTEGRITY;
    script.onload = () => resolve(globalThis.tus);
    script.onerror = () => {
      tusLoading = undefined;
      reject(new Error("tus did not load"));
    };
    document.head.append(script);
  });
  return tusLoading;
}

/** So many files of the page at once; the others wait for their turn. */
const turns = {
  free: AT_ONCE,
  waiting: [],
  take() {
    if (this.free > 0) {
      this.free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  },
  give() {
    const next = this.waiting.shift();
    if (next) {
      next();
    } else {
      this.free += 1;
    }
  },
};

export class Transfer extends EventTarget {
  /** `to` is {endpoint, session, side, csrf()}; states: see row.js. */
  constructor(to, { id, file, kind = "", url = null, sent = 0 }) {
    super();
    Object.assign(this, { to, id, file, kind, url, sent });
    this.state = "new";
    this.problem = "";
    this.isKept = false;
    this.rate = new Rate();
    this.failures = 0;
    this.run = 0; // counts the starts, so that what an earlier one was waiting for is not done any more
  }

  get isGoing() {
    return ["waiting", "elsewhere", "sending", "retrying", "offline"].includes(this.state);
  }

  async keepFile() {
    const place = `${this.to.session} ${this.to.side}`;
    this.isKept = await keep({ id: this.id, place, kind: this.kind, url: this.url, file: this.file });
    this.changed();
  }

  /** Send it, as soon as it is its turn and no other tab is at it. */
  async start() {
    const run = (this.run += 1);
    this.failures = 0;
    this.set("waiting");
    await inOneTab(`${this.to.session} ${this.to.side} ${this.kind}`, () => this.set("elsewhere", run), async () => {
      if (run !== this.run) {
        return;
      }
      if (this.state === "elsewhere" && this.isKept && !(await isKept(this.id))) {
        this.set("done", run); // the other tab has brought it to its end
        return;
      }
      this.set("waiting", run);
      await turns.take();
      try {
        await this.send(run);
      } finally {
        turns.give();
      }
    });
  }

  async send(run) {
    while (run === this.run) {
      this.set(navigator.onLine === false ? "offline" : "sending", run);
      const failure = await this.attempt(run);
      if (run !== this.run) {
        return;
      }
      if (failure === null) {
        await forget(this.id);
        this.set("done", run);
        return;
      }
      if (failure.final) {
        this.problem = failure.sentence;
        this.set("failed", run);
        return;
      }
      await this.pauseAfter(failure, run);
    }
  }

  /** One try, from where the server says it is: null when all has arrived, else what failed. */
  async attempt(run) {
    let tus;
    try {
      tus = await loadTus();
    } catch {
      return { final: false };
    }
    if (run !== this.run) {
      return null;
    }
    return new Promise((resolve) => {
      this.stop = () => resolve(null);
      this.upload = new tus.Upload(this.file, {
        endpoint: this.to.endpoint,
        uploadUrl: this.url,
        chunkSize: CHUNK_BYTES,
        retryDelays: null,
        storeFingerprintForResuming: false,
        metadata: {
          session: this.to.session,
          side: this.to.side,
          kind: this.kind,
          filename: this.file.name,
          fingerprint: String(this.file.lastModified),
        },
        onBeforeRequest: (request) => request.setHeader("X-CSRFToken", this.to.csrf()),
        onUploadUrlAvailable: () => this.at(this.upload.url),
        onProgress: (sent) => this.progress(sent, run),
        onChunkComplete: () => {
          this.failures = 0;
        },
        onSuccess: () => resolve(null),
        onError: (error) => resolve(reading(error)),
      });
      this.upload.start();
    });
  }

  at(url) {
    if (url && url !== this.url) {
      this.url = url;
      note(this.id, { url });
      this.changed();
    }
  }

  progress(sent, run) {
    if (run === this.run) {
      this.sent = sent;
      this.rate.add(sent);
      if (this.state !== "sending") {
        this.set("sending", run);
      }
      this.changed();
    }
  }

  async pauseAfter(failure, run) {
    this.rate.rest();
    if (failure.code === "upload_offset" && this.failures < 3) {
      this.failures += 1;
      return; // ask again where it ends, at once
    }
    const seconds = Math.max(failure.after ?? 0, Math.min(LONGEST_PAUSE_S, 2 ** this.failures));
    this.failures += 1;
    this.problem = failure.sentence ?? "";
    this.set(navigator.onLine === false ? "offline" : "retrying", run);
    await new Promise((resolve) => {
      this.stop = resolve;
      const timer = setTimeout(resolve, seconds * 1000 * (0.75 + Math.random() / 2));
      globalThis.addEventListener("online", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }

  pause() {
    this.halt();
    this.set("paused");
  }

  halt() {
    this.run += 1;
    this.rate.rest();
    this.upload?.abort().catch(() => {});
    this.stop?.();
  }

  /** Give it up, here and on the server. */
  async cancel() {
    this.halt();
    if (this.url) {
      try {
        await fetch(this.url, {
          method: "DELETE",
          headers: { "Tus-Resumable": "1.0.0", "X-CSRFToken": this.to.csrf() },
        });
      } catch {
        // The server gives it up by itself after a day; until then it stays in the list.
      }
    }
    await forget(this.id);
    this.set("cancelled");
  }

  set(state, run = this.run) {
    if (run === this.run && state !== this.state) {
      this.state = state;
      this.dispatchEvent(new Event("state"));
      this.changed();
    }
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** What an error of tus means: whether trying again can help, and when. */
function reading(error) {
  const response = error.originalResponse;
  const status = response?.getStatus() ?? 0;
  if (status === 0) {
    return { final: false };
  }
  const { code, sentence } = problemIn(response.getBody(), status);
  const passing = status >= 500 || [408, 423, 429].includes(status) || code === "upload_offset";
  const after = Number(response.getHeader("Retry-After")) || 0;
  return { final: !passing || status === 507, code, sentence, after };
}

/** Two tabs of one page would send the same file twice: the second waits until the first is closed. */
async function inOneTab(name, onWaiting, act) {
  if (!navigator.locks) {
    return act();
  }
  const tried = await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock) {
      await act();
    }
    return lock !== null;
  });
  if (!tried) {
    onWaiting();
    await navigator.locks.request(name, act);
  }
  return undefined;
}
