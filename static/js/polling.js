// Parts of pages that ask again by themselves (hx-trigger="every …"): only while somebody can see them, and an answer of
// the same version replaces nothing, so that a selection or the focus stays where it is.

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) {
    event.preventDefault();
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const shown = event.detail.target;
  const version = shown.dataset.version;
  if (!version || !event.detail.shouldSwap) {
    return;
  }
  const answer = new DOMParser().parseFromString(event.detail.serverResponse, "text/html");
  if (answer.getElementById(shown.id)?.dataset.version === version) {
    event.detail.shouldSwap = false;
  }
});
