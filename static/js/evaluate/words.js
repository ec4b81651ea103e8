// Fields and their values in the words of the page's own labels.

const TITLES = {
  progress: "Progress",
  success: "Success",
  failure_modes: "What went wrong",
  recovered: "Recovered after a failure",
  done: "Rollout over",
  scene_restored: "Scene put back",
  preference: "Which was better",
  notes: "Notes",
  valid: "Whether it counts",
  invalid_reason: "Why it does not count",
  invalid_comment: "More about why it does not count",
};

export function titleOf(name) {
  const side = /^([ab])_(.*)$/.exec(name);
  return side ? `${TITLES[side[2]]} of ${side[1].toUpperCase()}` : TITLES[name];
}

/** What a value says; empty where nothing was said. */
export function inWords(form, name, value) {
  if (value === null || value === undefined || value === "") {
    return "";
  }
  if (name.endsWith("_progress")) {
    return `${value} %`;
  }
  if (name === "preference") {
    return value === "TIE" ? "a tie" : value;
  }
  if (name === "valid") {
    return value ? "yes" : "no";
  }
  if (Array.isArray(value)) {
    return value.map((one) => labelOf(form, name, one)).join(", ");
  }
  if (typeof value === "boolean") {
    return value ? "yes" : "no";
  }
  return name === "invalid_reason" ? labelOf(form, name, value) : value;
}

function labelOf(form, name, value) {
  const control = form.querySelector(`[data-field="${name}"][value="${CSS.escape(value)}"]`);
  return control?.closest("label").textContent.trim() ?? value;
}
