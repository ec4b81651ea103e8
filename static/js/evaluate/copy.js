// Buttons that copy the line beside them.

const SHOWN_MS = 2000;

export function copyButtons(root) {
  root.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) {
      return;
    }
    const source = button.parentElement.querySelector("code");
    const done = await copy(source);
    button.textContent = done ? "Copied" : "Selected: copy it";
    setTimeout(() => {
      button.textContent = "Copy";
    }, SHOWN_MS);
  });
}

/** Over plain http a browser has no clipboard for us: then the line is selected, and the old way is tried. */
async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}
