// What is said of files and their progress, and what a file's name and first bytes tell.

const MB = 1024 * 1024;
const CAMERAS = [
  ["wrist", /wrist|hand|gripper|ego/],
  ["left", /left/],
  ["right", /right/],
  ["overhead", /overhead|top|ceiling|bird/],
  ["front", /front/],
  ["side", /side/],
  ["external", /ext(ernal|erior)?\d*|scene|third/],
];

/** The camera that a file's name speaks of; "" where it speaks of none. */
export function guessKind(name) {
  const lower = name.toLowerCase();
  if (lower.endsWith(".npz")) {
    return "trajectory";
  }
  const words = lower.replace(/\.[^.]*$/, "").split(/[^a-z0-9]+/);
  const found = CAMERAS.find(([, pattern]) => words.some((word) => pattern.test(word)));
  return found ? found[0] : "";
}

/** Why a file is not even tried; "" where it may be what it should be. */
export async function refusal(file, maxBytes) {
  if (file.size === 0) {
    return "This file is empty.";
  }
  if (file.size > maxBytes) {
    return `This file has ${megabytes(file.size)} MB; the limit is ${Math.floor(maxBytes / MB)} MB.`;
  }
  let head;
  try {
    head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  } catch {
    return "Your browser cannot read this file. It may have been moved or changed.";
  }
  const letters = String.fromCharCode(...head);
  if (file.name.toLowerCase().endsWith(".npz")) {
    return letters.startsWith("PK") ? "" : "This file is no NumPy archive (.npz).";
  }
  const isMp4 = ["ftyp", "moov", "mdat", "free", "skip", "wide"].includes(letters.slice(4, 8));
  return isMp4 ? "" : "This file is no MP4 video. Convert it to MP4 (H.264) first.";
}

export function megabytes(bytes) {
  return (bytes / MB).toFixed(1);
}

export function timeLeft(seconds) {
  if (!Number.isFinite(seconds)) {
    return "";
  }
  if (seconds < 60) {
    return `about ${Math.max(1, Math.round(seconds))} s left`;
  }
  return seconds < 5400 ? `about ${Math.round(seconds / 60)} min left` : `about ${Math.round(seconds / 3600)} h left`;
}

export function mediaWords(media) {
  switch (media.state) {
    case "passed":
      return passed(media);
    case "failed":
      return media.problem || "This file cannot be read.";
    case "opaque":
      return "kept unopened";
    default:
      return "being checked";
  }
}

function passed(media) {
  const facts = ["readable"];
  if (media.duration_s) {
    facts.push(`${media.duration_s.toFixed(1)} s`);
  }
  if (media.width) {
    facts.push(`${media.width}×${media.height}`);
  }
  if (media.black) {
    facts.push("but every frame is black");
  } else if (media.frozen) {
    facts.push("but nothing moves in it");
  }
  return facts.join(", ");
}

/** The server's sentence in a failed request, with its code. */
export function problemIn(text, status) {
  try {
    const { code, message, hint } = JSON.parse(text).error;
    return { code, sentence: [message, hint].filter(Boolean).join(" ") };
  } catch {
    return { code: "", sentence: `The server answered ${status || "nothing"}.` };
  }
}

/** Bytes a second, smoothed, so that the time left does not jump. */
export class Rate {
  #value = 0;
  #at = 0;
  #bytes = 0;

  add(bytes) {
    const now = performance.now();
    if (this.#at === 0 || bytes < this.#bytes) {
      [this.#at, this.#bytes] = [now, bytes];
    } else if (now - this.#at >= 500) {
      const seen = ((bytes - this.#bytes) * 1000) / (now - this.#at);
      this.#value = this.#value === 0 ? seen : 0.75 * this.#value + 0.25 * seen;
      [this.#at, this.#bytes] = [now, bytes];
    }
  }

  rest() {
    this.#at = 0;
  }

  secondsFor(bytes) {
    return this.#value > 0 ? bytes / this.#value : Infinity;
  }
}
