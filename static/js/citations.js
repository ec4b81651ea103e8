// A citation opens its session in place: htmx brings the part, this moves the focus, closes it, and tells who is open.
// With a modifier key it is the link that it is.

const panelOf = (link) => document.querySelector(link.getAttribute("hx-target"));
const linkOf = (panel) => document.querySelector(`[data-citation][hx-target="#${panel.id}"]`);

function close(panel) {
  const link = linkOf(panel);
  panel.replaceChildren();
  link.setAttribute("aria-expanded", "false");
  link.focus();
}

for (const link of document.querySelectorAll("[data-citation]")) {
  link.setAttribute("aria-expanded", "false");
  link.setAttribute("aria-controls", panelOf(link).id);
}

document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest("[data-citation]");
    if (link && (event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.stopImmediatePropagation();
    } else if (link && link.getAttribute("aria-expanded") === "true") {
      event.preventDefault();
      event.stopImmediatePropagation();
      close(panelOf(link));
    }
  },
  true,
);

document.addEventListener("click", (event) => {
  const panel = event.target.closest("[data-cited-close]")?.closest("[data-cited]");
  if (panel) {
    close(panel);
  }
});

document.addEventListener("keydown", (event) => {
  const panel = event.key === "Escape" && event.target.closest("[data-cited]");
  if (panel) {
    close(panel);
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  const panel = event.detail.target;
  if (panel.matches("[data-cited]")) {
    linkOf(panel).setAttribute("aria-expanded", "true");
    panel.querySelector("[data-player]").focus();
  }
});
