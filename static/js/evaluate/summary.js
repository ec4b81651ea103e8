// The check before the submission: what will be sent, what is missing, and what could be missing.

import { inWords } from "./words.js";

const STEP_OF = { preference: "judge", invalid_reason: "judge" };

export function showSummary(root, form, { values, told, videos }) {
  for (const place of root.querySelectorAll("[data-shows]")) {
    const said = shown(form, place.dataset.shows, { values, told, videos });
    place.textContent = said || "–";
    place.classList.toggle("is-empty", !said);
  }
  showList(root.querySelector("[data-warnings]"), warnings({ values, told, videos }));
}

function shown(form, name, { values, told, videos }) {
  if (name === "valid") {
    return counts(form, values);
  }
  const [, letter, field] = /^(?:([ab])_)?(.*)$/.exec(name);
  const side = letter?.toUpperCase();
  if (field === "videos") {
    return String(videos[side] || "");
  }
  const value = side in told ? told[side][field] : values[name];
  if (field === "failure_modes") {
    const words = [inWords(form, name, value), values[`${letter}_recovered`] && !(side in told) ? "recovered" : ""];
    return words.filter(Boolean).join(", ");
  }
  return inWords(form, name, value);
}

function counts(form, values) {
  if (values.valid !== false) {
    return "yes";
  }
  const reason = inWords(form, "invalid_reason", values.invalid_reason);
  return reason ? `no: ${reason.toLowerCase()}` : "no";
}

function warnings({ values, videos }) {
  const found = [];
  for (const side of ["A", "B"]) {
    const step = `score-${side.toLowerCase()}`;
    if (!videos[side]) {
      found.push({ text: `There is no video of ${side}. Without one nobody can check the result.`, step });
    }
  }
  if (!values.scene_restored) {
    found.push({ text: "You have not confirmed that the scene was put back.", step: "restore" });
  }
  if (values.valid === false) {
    return [];
  }
  return found;
}

export function showMissing(root, missing) {
  const entries = missing.map(({ field, text }) => ({
    text,
    step: STEP_OF[field] ?? `score-${field[0]}`,
  }));
  showList(root.querySelector("[data-missing]"), entries);
}

function showList(place, entries) {
  const list = place.querySelector("ul");
  if (list.textContent.trim() !== entries.map((entry) => entry.text).join("")) {
    list.replaceChildren(...entries.map(item));
  }
  place.hidden = entries.length === 0;
}

function item({ text, step }) {
  const link = document.createElement("a");
  link.href = `?step=${step}`;
  link.dataset.go = step;
  link.textContent = text;
  const made = document.createElement("li");
  made.append(link);
  return made;
}
