// Plays all videos of a session on one clock: both sides start, pause and seek together. The longest video leads; the
// others are nudged by their speed while the difference is small, and set to its time when it is not. A video that is
// shorter rests on its last frame.

const NUDGE_S = 0.02; // differences below this are not seen
const JUMP_S = 0.25; // above this a change of speed would take too long
const NUDGE_SHARE = 0.08;
const SEEK_STEP_S = 1;
const FRAME_S = 1 / 25;
const READY = HTMLMediaElement.HAVE_FUTURE_DATA;

export class Player {
  static attach(element) {
    if (element.dataset.player === "attached") {
      return;
    }
    element.dataset.player = "attached";
    new Player(element).begin();
  }

  constructor(element) {
    this.element = element;
    this.videos = [...element.querySelectorAll("video")];
    this.button = element.querySelector("[data-play]");
    this.slider = element.querySelector("[data-seek]");
    this.clock = element.querySelector("[data-clock]");
    this.speed = element.querySelector("[data-speed]");
    this.controls = element.querySelector("[data-controls]");
    this.playing = false;
    this.waiting = false;
    this.start = Number(element.dataset.start ?? 0);
    this.round = 0; // counts the times of playing, so that the frames of an earlier one are not followed any more
  }

  begin() {
    if (this.videos.length === 0) {
      return;
    }
    this.controls.hidden = false;
    this.videos.forEach((video) => this.adopt(video));
    this.button.addEventListener("click", () => this.toggle());
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    this.speed.addEventListener("change", () => this.setSpeed());
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    document.addEventListener("click", (event) => this.onMoment(event));
    this.measure();
    this.beginAtStart();
  }

  /** Where the page names a moment, it is shown; where it was opened to be watched, it runs, unless that is unwelcome. */
  async beginAtStart() {
    const plays = "plays" in this.element.dataset && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (this.start > 0 || plays) {
      await Promise.all(this.videos.map(measured));
      this.seek(this.start);
    }
    if (plays && this.videos.length > 0) {
      await this.play();
    }
  }

  adopt(video) {
    video.controls = false;
    video.addEventListener("loadedmetadata", () => this.measure());
    video.addEventListener("waiting", () => this.waitForAll());
    video.addEventListener("ended", () => this.onEnded(video));
    video.addEventListener("error", () => this.drop(video));
    video.addEventListener("click", () => this.toggle());
    if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) {
      this.drop(video);
    }
  }

  get leader() {
    return this.videos.reduce((longest, video) => (duration(video) > duration(longest) ? video : longest));
  }

  get length() {
    return this.videos.length > 0 ? duration(this.leader) : 0;
  }

  measure() {
    const time = Number(this.slider.value);
    this.slider.max = this.length;
    this.show(time);
  }

  /** A video that cannot be played is left standing with the browser's own mark, and the others go on without it. */
  drop(video) {
    this.videos = this.videos.filter((other) => other !== video);
    video.controls = true;
    this.controls.hidden = this.videos.length === 0;
    if (this.playing) {
      this.pause();
    }
    this.measure();
  }

  toggle() {
    if (this.playing) {
      this.pause();
    } else {
      this.play();
    }
  }

  async play() {
    if (this.leader.ended || this.leader.currentTime >= this.length) {
      this.seek(0);
    }
    this.setPlaying(true);
    this.setSpeed();
    this.round += 1;
    const round = this.round;
    await this.startAll();
    this.follow(round);
  }

  pause() {
    this.setPlaying(false);
    this.videos.forEach((video) => video.pause());
    if (this.videos.length > 0) {
      this.align(true);
      this.show(this.leader.currentTime);
    }
  }

  onEnded(video) {
    if (this.playing && video === this.leader) {
      this.pause();
    }
  }

  /** One side ran out of data: all stand still until every one of them can go on. */
  async waitForAll() {
    if (!this.playing || this.waiting) {
      return;
    }
    this.waiting = true;
    this.videos.forEach((video) => video.pause());
    await this.startAll();
    this.waiting = false;
  }

  async startAll() {
    const time = this.leader.currentTime;
    const running = this.videos.filter((video) => time < duration(video));
    await Promise.all(running.map(ready));
    if (this.playing) {
      // A pause that comes before playing began makes play() fail; there is nothing to mend then.
      await Promise.allSettled(running.map((video) => video.play()));
    }
  }

  /** Keep the others with the leader, once for every frame of it. */
  follow(round) {
    if (!this.playing || round !== this.round) {
      return;
    }
    this.align(false);
    this.show(this.leader.currentTime);
    onNextFrame(this.leader, () => this.follow(round));
  }

  align(exactly) {
    const time = this.leader.currentTime;
    for (const video of this.videos) {
      if (video !== this.leader) {
        bring(video, { time, speed: this.rate, exactly });
      }
    }
  }

  seek(time) {
    const target = Math.min(Math.max(0, time), this.length);
    this.videos.forEach((video) => {
      video.currentTime = Math.min(target, duration(video));
    });
    this.show(target);
    if (this.playing) {
      this.startAll();
    }
  }

  get rate() {
    return Number(this.speed.value);
  }

  setSpeed() {
    this.videos.forEach((video) => {
      video.playbackRate = this.rate;
    });
  }

  setPlaying(playing) {
    this.playing = playing;
    this.button.textContent = playing ? "Pause" : "Play";
    this.element.classList.toggle("is-playing", playing);
  }

  show(time) {
    const text = `${clockText(time)} of ${clockText(this.length)}`;
    this.slider.value = time;
    this.slider.setAttribute("aria-valuetext", text);
    this.clock.textContent = text;
  }

  /** Only while the focus is in the player, so that no key of the page or of a screen reader is taken. */
  onKey(event) {
    const act = this.keys[event.key];
    const taken = event.target === this.speed || (event.key === " " && event.target === this.button);
    if (!act || taken || this.videos.length === 0 || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    event.preventDefault();
    act();
  }

  keys = {
    " ": () => this.toggle(),
    k: () => this.toggle(),
    ArrowLeft: () => this.seek(this.leader.currentTime - SEEK_STEP_S),
    ArrowRight: () => this.seek(this.leader.currentTime + SEEK_STEP_S),
    ",": () => this.step(-FRAME_S),
    ".": () => this.step(FRAME_S),
    Home: () => this.seek(0),
    End: () => this.seek(this.length),
  };

  /** A link to a moment of one video shows it in all of them, here. With a key held down it stays a link. */
  onMoment(event) {
    const moment = event.target.closest("[data-moment]");
    if (!moment || this.videos.length === 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) {
      return;
    }
    event.preventDefault();
    this.pause();
    this.seek(Number(moment.dataset.moment));
    this.element.scrollIntoView({ block: "nearest" });
    this.element.focus({ preventScroll: true });
  }

  step(by) {
    this.pause();
    this.seek(this.leader.currentTime + by);
  }
}

function duration(video) {
  return Number.isFinite(video.duration) ? video.duration : 0;
}

function measured(video) {
  return video.readyState >= HTMLMediaElement.HAVE_METADATA ? Promise.resolve() : first(video, ["loadedmetadata", "error"]);
}

function first(video, events) {
  return new Promise((resolve) => {
    for (const event of events) {
      video.addEventListener(event, resolve, { once: true });
    }
  });
}

function bring(video, { time, speed, exactly }) {
  const target = Math.min(time, duration(video));
  const late = target - video.currentTime;
  if (Math.abs(late) > JUMP_S || (exactly && Math.abs(late) > NUDGE_S)) {
    video.currentTime = target;
  } else {
    video.playbackRate = Math.abs(late) > NUDGE_S ? speed * (1 + Math.sign(late) * NUDGE_SHARE) : speed;
  }
}

function ready(video) {
  if (video.readyState >= READY || video.ended) {
    return Promise.resolve();
  }
  video.preload = "auto";
  return first(video, ["canplay", "error", "ended"]);
}

/** Where the browser has no frame callbacks, once a picture of the page. */
function onNextFrame(video, act) {
  if (typeof video.requestVideoFrameCallback === "function") {
    video.requestVideoFrameCallback(act);
  } else {
    requestAnimationFrame(act);
  }
}

function clockText(seconds) {
  const whole = Math.floor(seconds);
  const tenths = Math.floor((seconds - whole) * 10);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}.${tenths}`;
}
