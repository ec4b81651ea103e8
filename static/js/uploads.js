// The files of one side, sent from the browser: chosen or dropped, resumed after a broken line or a closed tab.
//
// Markup (templates/evaluations/uploads.html, from the tag {% uploads_of side %} of the library `uploads`):
//
//   <div data-uploads data-session="…" data-side="A" data-endpoint="/api/v1/uploads" data-max-bytes="…"
//        data-cameras="left,right,wrist">
//     <ul data-files>   what has arrived, also from the robot's client; rendered by the server, kept up to date here
//     <ul data-queue>   what is on its way
//     [data-drop] with input[type=file], [data-note] (aria-live)
//
// attachUploader(root, options) → Uploader. Options (all optional): endpoint, session, side, maxBytes, cameras; csrf, a
// function that returns the token; media, an async function that returns the side's list `media` as the session's answer
// of the API has it (default: GET /api/v1/sessions/<session>).
//
// Events, which bubble from the root: `uploads:changed` with detail {side, media, going}, whenever a file has arrived,
// was checked, was taken away, or is no longer on its way. The root listens to `uploads:refresh`: dispatch it when
// something else tells that the side has other files by now (the robot's client has sent some).

import { forget, keptFor } from "./uploads/kept.js";
import { Row } from "./uploads/row.js";
import { Transfer } from "./uploads/transfer.js";
import { guessKind, mediaWords, problemIn, refusal } from "./uploads/words.js";

const LOOK_AGAIN_MS = 2000;
const attached = new WeakMap();

export function attachUploader(root, options = {}) {
  if (!attached.has(root)) {
    attached.set(root, new Uploader(root, options));
  }
  return attached.get(root);
}

class Uploader {
  constructor(root, options) {
    const { session, side, endpoint, maxBytes, cameras } = root.dataset;
    this.root = root;
    this.to = {
      session: options.session ?? session,
      side: options.side ?? side,
      endpoint: options.endpoint ?? endpoint,
      csrf: options.csrf ?? token,
    };
    this.maxBytes = options.maxBytes ?? Number(maxBytes);
    this.cameras = options.cameras ?? cameras.split(",").filter(Boolean);
    this.readMedia = options.media ?? (() => this.mediaOfSession());
    this.rows = new Map();
    this.media = [...root.querySelectorAll("[data-media]")].map(({ dataset }) => ({
      id: Number(dataset.media),
      kind: dataset.kind,
      state: dataset.state,
    }));
    this.files = root.querySelector("[data-files]");
    this.queue = root.querySelector("[data-queue]");
    this.drop = root.querySelector("[data-drop]");
    this.note = root.querySelector("[data-note]");
    this.listen();
    this.ready = this.restore();
  }

  listen() {
    const input = this.drop.querySelector("input[type=file]");
    input.addEventListener("change", () => {
      this.add([...input.files]);
      input.value = "";
    });
    for (const type of ["dragover", "dragleave", "drop"]) {
      this.root.addEventListener(type, (event) => this.onDrag(event));
    }
    this.files.addEventListener("click", (event) => {
      const button = event.target.closest("[data-withdraw]");
      if (button) {
        this.withdraw(Number(button.dataset.withdraw));
      }
    });
    this.root.addEventListener("uploads:refresh", () => this.refresh());
    globalThis.addEventListener("beforeunload", (event) => {
      if (this.transfers.some((transfer) => transfer.isGoing && !transfer.isKept)) {
        event.preventDefault();
      }
    });
    if (this.media.some(isPending)) {
      this.lookAgain();
    }
  }

  get transfers() {
    return [...this.rows.keys()];
  }

  onDrag(event) {
    if (![...event.dataTransfer.types].includes("Files")) {
      return;
    }
    event.preventDefault();
    this.drop.classList.toggle("is-over", event.type === "dragover");
    if (event.type === "drop") {
      this.add([...event.dataTransfer.files]);
    }
  }

  /** Files that a person chose. Those that the server waits for go on where they were. */
  async add(files) {
    await this.ready;
    for (const file of files) {
      const waiting = this.transfers.find((one) => one.state === "missing" && isSame(one.file, file));
      if (waiting) {
        this.supply(waiting, file);
      } else {
        await this.begin(file);
      }
    }
  }

  supply(transfer, file) {
    transfer.file = file;
    transfer.keepFile();
    transfer.start();
  }

  async begin(file) {
    const transfer = new Transfer(this.to, { id: newId(), file });
    const problem = await refusal(file, this.maxBytes);
    if (problem) {
      transfer.problem = problem;
      transfer.state = "refused"; // nothing can be done with it but to remove it
      this.announce(`${file.name}: ${problem}`);
      this.showRow(transfer);
      return;
    }
    const kind = guessKind(file.name);
    transfer.kind = this.isFree(kind) ? kind : "";
    this.showRow(transfer);
    if (transfer.kind) {
      transfer.keepFile();
      transfer.start();
    }
  }

  isFree(kind) {
    const taken = [...this.media.map((one) => one.kind), ...this.transfers.map((one) => one.kind)];
    return kind !== "" && !taken.includes(kind);
  }

  showRow(transfer) {
    const row = new Row(transfer, {
      cameras: this.cameras,
      onKind: (kind) => this.rename(transfer, kind),
      onRemove: () => transfer.cancel(),
    });
    this.rows.set(transfer, row);
    this.queue.append(row.element);
    transfer.addEventListener("state", () => this.onState(transfer, row));
  }

  /** The camera of a file was chosen. One that is on its way begins anew under the other name. */
  async rename(transfer, kind) {
    if (!kind || kind === transfer.kind) {
      return;
    }
    if (!this.isFree(kind)) {
      transfer.problem = `Side ${this.to.side} has a file for ${kind} already.`;
      this.rows.get(transfer).select.value = transfer.kind;
      transfer.changed();
      this.announce(transfer.problem);
      return;
    }
    const again = new Transfer(this.to, { id: newId(), file: transfer.file, kind });
    const earlier = this.rows.get(transfer);
    this.showRow(again);
    earlier.element.replaceWith(this.rows.get(again).element);
    await transfer.cancel();
    again.keepFile();
    again.start();
  }

  onState(transfer, row) {
    if (transfer.state === "cancelled" || transfer.state === "done") {
      const hadFocus = row.element.contains(document.activeElement);
      this.rows.delete(transfer);
      row.element.remove();
      if (hadFocus) {
        this.drop.querySelector("input").focus();
      }
      this.refresh();
    }
    this.announce(row.announcement);
  }

  announce(text) {
    this.note.textContent = text;
  }

  /** What an earlier visit began: files that the browser kept go on, others are asked for. */
  async restore() {
    const [kept, waiting] = await Promise.all([keptFor(`${this.to.session} ${this.to.side}`), this.waitingOnServer()]);
    for (const record of kept) {
      const known = waiting?.find((one) => record.url?.endsWith(one.url) || (one.kind === record.kind && isAnnounced(one, record.file)));
      if (waiting && record.url && !known) {
        forget(record.id); // it has arrived, or was given up
        continue;
      }
      const url = known?.url ?? record.url;
      const transfer = new Transfer(this.to, { ...record, url, sent: known?.offset ?? 0 });
      transfer.isKept = true;
      this.showRow(transfer);
      transfer.start();
      waiting?.splice(waiting.indexOf(known), known ? 1 : 0);
    }
    for (const one of waiting ?? []) {
      this.askFor(one);
    }
  }

  askFor({ url, kind, offset, filename, size, fingerprint }) {
    const file = { name: filename || kind, size, lastModified: Number(fingerprint) };
    const transfer = new Transfer(this.to, { id: newId(), file, kind, url, sent: offset });
    transfer.state = "missing";
    this.showRow(transfer);
  }

  /** The server's list of this side's uploads that are on their way; null where it cannot be asked. */
  async waitingOnServer() {
    try {
      const answer = await fetch(`${this.to.endpoint}?session=${this.to.session}`);
      const { results } = await answer.json();
      return results.filter((one) => one.side === this.to.side);
    } catch {
      return null;
    }
  }

  async mediaOfSession() {
    const answer = await fetch(`/api/v1/sessions/${this.to.session}`);
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    return (await answer.json()).sides[this.to.side].media;
  }

  /** Ask what the side has by now, and again until everything was checked. */
  async refresh() {
    try {
      const media = (await this.readMedia()).filter((one) => !one.withdrawn);
      if (JSON.stringify(media) !== JSON.stringify(this.media)) {
        this.media = media;
        this.showMedia();
      }
    } catch {
      this.lookAgain();
      return;
    }
    this.changed();
    if (this.media.some(isPending)) {
      this.lookAgain();
    }
  }

  lookAgain() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (document.hidden ? this.lookAgain() : this.refresh()), LOOK_AGAIN_MS);
  }

  changed() {
    const going = this.transfers.filter((transfer) => transfer.isGoing).length;
    const detail = { side: this.to.side, media: this.media, going };
    this.root.dispatchEvent(new CustomEvent("uploads:changed", { bubbles: true, detail }));
  }

  showMedia() {
    const wanted = new Set(this.media.map((one) => String(one.id)));
    for (const element of this.files.querySelectorAll("[data-media]")) {
      if (!wanted.has(element.dataset.media)) {
        element.remove();
      }
    }
    for (const media of this.media) {
      const element = this.files.querySelector(`[data-media="${media.id}"]`) ?? this.newFile(media);
      if (element.dataset.state !== media.state) {
        element.dataset.state = media.state;
        element.querySelector("[data-words]").textContent = mediaWords(media);
        showPoster(element, media);
        this.announce(`${media.title}: ${mediaWords(media)}`);
      }
    }
  }

  newFile(media) {
    const element = this.root.querySelector("template[data-file]").content.firstElementChild.cloneNode(true);
    element.dataset.media = media.id;
    element.dataset.kind = media.kind;
    element.querySelector("[data-title]").textContent = media.title;
    const button = element.querySelector("[data-withdraw]");
    button.dataset.withdraw = media.id;
    button.setAttribute("aria-label", `Take the file of the ${media.title} away`);
    this.files.append(element);
    return element;
  }

  async withdraw(id) {
    const address = `/api/v1/sessions/${this.to.session}/media/${id}`;
    try {
      const answer = await fetch(address, { method: "DELETE", headers: { "X-CSRFToken": this.to.csrf() } });
      if (!answer.ok && answer.status !== 404) {
        this.announce(problemIn(await answer.text(), answer.status).sentence);
        return;
      }
    } catch {
      this.announce("The file could not be taken away: the server was not reached.");
      return;
    }
    this.announce("The file was taken away.");
    this.drop.querySelector("input").focus();
    this.refresh();
  }
}

function isPending(media) {
  return media.state === "pending";
}

function isSame(announced, file) {
  const asOld = !announced.lastModified || announced.lastModified === file.lastModified;
  return announced.name === file.name && announced.size === file.size && asOld;
}

function isAnnounced(upload, file) {
  return upload.filename === file.name && upload.size === file.size && upload.fingerprint === String(file.lastModified);
}

function showPoster(element, media) {
  if (media.poster_url && !element.querySelector("img")) {
    const picture = new Image(96);
    picture.src = media.poster_url;
    picture.alt = "";
    picture.className = "upload-poster";
    element.prepend(picture);
  }
}

function newId() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function token() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return cookie?.slice("csrftoken=".length) ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}
