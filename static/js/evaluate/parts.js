// Parts of the page that the server draws anew when something arrived: a side told by its client, a first frame.

import { reach } from "./api.js";

/** Replace the parts whose version is another one now. Gives the page's new state, or null where it could not be had. */
export async function refreshParts(root, address) {
  const answer = await reach(address, { credentials: "same-origin" });
  if (!answer.ok) {
    return null;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const state = fresh.getElementById("evaluate-state");
  if (!state) {
    return null; // the session has ended meanwhile, or its evaluator was signed out
  }
  for (const part of root.querySelectorAll("[data-part]")) {
    const other = fresh.getElementById(part.id);
    if (other && other.dataset.version !== part.dataset.version) {
      part.replaceWith(document.importNode(other, true));
    }
  }
  return JSON.parse(state.textContent);
}
