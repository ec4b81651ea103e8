// Forms that htmx sends and whose answer takes their place: `data-in-place`. What they cannot be told by an answer, that
// there was none or one that is no part of the page, stands in their `data-problem`.

const SIGNED_OUT = "Not kept: you are signed out. Sign in in another tab, and try again.";
const REFUSED = "Not kept: the server did not take it. Load the page again.";
const AWAY = "Not kept: the server cannot be reached. Try again.";

document.addEventListener("htmx:responseError", (event) => {
  tell(event, event.detail.xhr.status === 401 ? SIGNED_OUT : REFUSED);
});
document.addEventListener("htmx:sendError", (event) => tell(event, AWAY));

function tell(event, text) {
  const problem = event.detail.elt.closest("[data-in-place]")?.querySelector("[data-problem]");
  if (problem) {
    problem.textContent = text;
  }
}
