// When the session ends by itself, by the platform's clock; announced some time before.

const TICK_MS = 1000;
const MINUTE_MS = 60_000;

export class Lease extends EventTarget {
  constructor(root, { now, expires, warningMinutes }) {
    super();
    this.place = root.querySelector("[data-lease]");
    this.end = root.querySelector("[data-lease-end]");
    this.banner = root.querySelector('[data-banner="expiry"]');
    this.warning = warningMinutes * MINUTE_MS;
    this.clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
    this.set(now, expires);
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  set(now, expires) {
    if (now) {
      this.ahead = Date.parse(now) - Date.now();
    }
    this.expires = Date.parse(expires);
    this.tick();
  }

  tick() {
    const left = this.expires - (Date.now() + this.ahead);
    const at = this.clock.format(new Date(this.expires - this.ahead));
    write(this.place, `at ${at} (${inWords(left)})`);
    write(this.end, at);
    this.banner.hidden = left > this.warning || left <= 0;
    if (left <= 0) {
      this.dispatchEvent(new Event("over"));
    }
  }

  get isOver() {
    return this.expires <= Date.now() + this.ahead;
  }

  stop() {
    clearInterval(this.timer);
    this.banner.hidden = true;
  }
}

function inWords(left) {
  const minutes = Math.ceil(left / MINUTE_MS);
  if (minutes <= 0) {
    return "now";
  }
  if (minutes < 60) {
    return `in ${minutes} min`;
  }
  return `in ${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function write(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
