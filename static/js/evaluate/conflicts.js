// Fields that were changed here and elsewhere: both values, and whose is to stand.

import { inWords, titleOf } from "./words.js";

export function showConflicts(place, form, draft) {
  const items = [...draft.contested].map(([name, contest]) => conflict(form, draft, name, contest));
  const held = place.contains(document.activeElement);
  place.replaceChildren(...items);
  if (held) {
    (place.querySelector("button") ?? form.querySelector(".is-current h2")).focus();
  }
}

function conflict(form, draft, name, { mine, theirs }) {
  const item = element("section", "notice notice-caution banner conflict");
  const says = (value) => inWords(form, name, value) || "nothing";
  const values = element("dl", "facts");
  values.append(
    element("dt", "", "There"),
    element("dd", "conflict-value", says(theirs)),
    element("dt", "", "Here"),
    element("dd", "conflict-value", says(mine)),
  );
  const actions = element("div", "conflict-actions");
  actions.append(
    button("Take theirs", `Take what was entered there for: ${titleOf(name)}`, () => draft.takeTheirs(name)),
    button("Keep mine", `Keep what you entered here for: ${titleOf(name)}`, () => draft.keepMine(name)),
  );
  const heading = element("p");
  heading.append(element("strong", "", `${titleOf(name)} was changed in another tab or on another device.`));
  item.append(heading, values, actions);
  return item;
}

function button(text, name, act) {
  const made = element("button", "button button-quiet", text);
  made.type = "button";
  made.setAttribute("aria-label", `${text}. ${name}`);
  made.addEventListener("click", act);
  return made;
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) {
    made.className = className;
  }
  made.textContent = text;
  return made;
}
