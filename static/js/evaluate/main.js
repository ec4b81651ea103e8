// The page of an open session: what is entered, what goes on, and the way through the steps.

import { Api } from "./api.js";
import { showConflicts } from "./conflicts.js";
import { copyButtons } from "./copy.js";
import { Belt, Draft } from "./draft.js";
import { Fields } from "./fields.js";
import { Keys } from "./keys.js";
import { Lease } from "./lease.js";
import { Live, showAway, showLive } from "./live.js";
import { refreshParts } from "./parts.js";
import { Restore } from "./restore.js";
import { Steps, doneSteps } from "./steps.js";
import { Submit } from "./submit.js";
import { attachUploader } from "../uploads.js";
import { showMissing, showSummary } from "./summary.js";

const root = document.querySelector("[data-evaluate]");
const form = root.querySelector("form.steps");
const state = JSON.parse(document.getElementById("evaluate-state").textContent);
const api = new Api(state.api, form.querySelector("[name=csrfmiddlewaretoken]").value);
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const draft = new Draft({
  revision: state.revision,
  values: state.values,
  send: (revision, changes, keepalive) => api.patch("/draft", { revision, changes }, { keepalive }),
  belt: new Belt(state.session),
});
const fields = new Fields(form, draft);
const steps = new Steps(root, fields);
const restore = new Restore(root, api);
const live = new Live(api);
const lease = new Lease(root, {
  now: state.now,
  expires: state.lease_expires_at,
  warningMinutes: state.warning_minutes,
});
new Submit(root, { form, draft, page: state.page, uploads, say: complain, refresh });
new Keys(root, { steps, fields, draft, restore });
copyButtons(root);

const uploaders = [...root.querySelectorAll("[data-uploads]")].map((place) => attachUploader(place));

/** How many files are on their way. */
function uploads() {
  return uploaders.flatMap((one) => one.transfers).filter((transfer) => transfer.isGoing).length;
}

// Saving

const saveState = root.querySelector("[data-save-state]");
const announce = root.querySelector("[data-announce]");
let trouble = "saved"; // or what was last announced
const SAVE_TEXTS = {
  saved: () => `Saved ${clock.format(new Date())}`,
  waiting: () => "Saving…",
  saving: () => "Saving…",
  offline: () => "Not saved yet: no connection",
  refused: () => "Not saved",
};

draft.addEventListener("state", (event) => {
  const before = saveState.dataset.saveState;
  saveState.dataset.saveState = event.detail;
  saveState.textContent = SAVE_TEXTS[event.detail]();
  const good = event.detail === "saved" && ["offline", "refused"].includes(trouble);
  if (good) {
    announce.textContent = "Saved again.";
  } else if (["offline", "refused"].includes(event.detail) && before !== event.detail && trouble !== event.detail) {
    announce.textContent = `${SAVE_TEXTS[event.detail]()}. It is kept in this browser and sent as soon as possible.`;
  }
  if (["saved", "offline", "refused"].includes(event.detail)) {
    trouble = event.detail;
  }
  showAll();
});
draft.addEventListener("answer", ({ detail }) => {
  showMissing(root, detail.missing);
  lease.set(null, detail.lease_expires_at);
});
draft.addEventListener("merged", () => {
  form.querySelector("[name=revision]").value = draft.revision;
  showAll();
});
draft.addEventListener("conflict", () => showConflicts(root.querySelector("[data-conflicts]"), form, draft));
draft.addEventListener("refused", ({ detail }) => refused(detail));
addEventListener("online", () => draft.flush());
addEventListener("pagehide", () => draft.leave());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    draft.flush();
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload(); // the browser shows a page of a while ago
  }
});

function refused(error) {
  if (error.code === "session_ended") {
    over();
  } else if (error.status === 401 || error.status === 403) {
    complain("You are signed out, so nothing more is saved. Sign in again in another tab, then reload this page.");
  } else {
    complain(error.message);
  }
}

// What goes on

live.addEventListener("live", ({ detail }) => {
  if (!["assigned", "running"].includes(detail.state)) {
    over();
    return;
  }
  lease.set(detail.now, detail.lease_expires_at);
  let arrived = state.checking;
  for (const [label, side] of Object.entries(detail.sides)) {
    showLive(root, label, side);
    arrived ||= side.episode !== label in state.told;
    if (side.media !== state.files[label]) {
      state.files[label] = side.media;
      root.querySelector(`[data-uploads][data-side="${label}"]`).dispatchEvent(new Event("uploads:refresh"));
      arrived = true;
    }
  }
  if (arrived || detail.revision > draft.revision) {
    refresh();
  }
});
live.addEventListener("away", () => showAway(root));
live.addEventListener("refused", ({ detail }) => refused(detail));
lease.addEventListener("over", async () => {
  const answered = await live.ask({ evenHidden: true }); // it may have been put off elsewhere, as by an upload
  if (answered && lease.isOver) {
    over();
  }
});

let refreshing = false;

/** Take over what came from elsewhere: entries of other tabs, episodes and first frames from the robot's client. */
async function refresh() {
  if (refreshing) {
    return;
  }
  refreshing = true;
  try {
    const fresh = await refreshParts(root, `${state.page}?step=${steps.current}`);
    if (fresh) {
      Object.assign(state, { told: fresh.told, files: fresh.files, videos: fresh.videos, checking: fresh.checking });
      showMissing(root, fresh.missing);
      draft.merge(fresh);
      fields.showAll();
      restore.attach();
      showAll();
    }
  } catch {
    // no connection: the next look at the platform asks again
  } finally {
    refreshing = false;
  }
}

/** What the uploads tell is newer than what the page began with. */
root.addEventListener("uploads:changed", ({ detail: { side, media } }) => {
  state.files[side] = media.length;
  state.videos[side] = media.filter((one) => one.kind !== "trajectory").length;
  showAll();
  if (side === "A") {
    refresh(); // its first frame shows how the scene began
  }
});

function over() {
  live.stop();
  lease.stop();
  const banner = root.querySelector("[data-banner=ended]");
  if (banner.hidden) {
    const late = draft.dirty.size > 0;
    root.querySelector("[data-ended-text]").textContent = late
      ? "This session has ended. Your last changes came too late; what was saved before is kept with it."
      : "This session has ended. What was entered is kept with it.";
    banner.hidden = false;
    if (!late) {
      location.assign(state.page);
    }
  }
}

function complain(text) {
  const place = root.querySelector("[data-trouble-text]");
  const banner = root.querySelector("[data-banner=trouble]");
  if (banner.hidden || place.textContent !== text) {
    place.textContent = text;
    banner.hidden = false;
    banner.scrollIntoView({ block: "nearest" });
  }
}

root.querySelector("#extend-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const answer = await api.post("/extend");
    lease.set(answer.now, answer.lease_expires_at);
    announce.textContent = "The session goes on.";
  } catch (error) {
    complain(error.code ? error.message : "No connection: the time was not started anew. Try again.");
  }
});

// The way through

steps.addEventListener("step", () => {
  if (steps.current !== "restore") {
    restore.stop();
  }
  showAll();
});

function showAll() {
  steps.markDone(doneSteps(draft.values, state.told));
  showSummary(root, form, { values: draft.values, told: state.told, videos: state.videos });
}

for (const [label, side] of Object.entries(state.live)) {
  showLive(root, label, side);
}
draft.recover();
fields.showAll();
restore.attach();
showAll();
root.dataset.ready = "yes";
