// The form that starts a session: the stages follow the instruction until somebody has changed them.

const form = document.querySelector(".start-form");

function edited() {
  return form.querySelector("[name=rubric_edited]").value !== "";
}

form?.addEventListener("input", (event) => {
  if (event.target.closest("#rubric")) {
    form.querySelector("[name=rubric_edited]").value = "yes";
  }
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches("[data-refreshes-rubric]") && edited()) {
    event.preventDefault();
  }
});

// What was typed before this page's scripts ran, or was put back by the browser after a reload.
addEventListener("load", () => {
  const instruction = form?.querySelector("#instruction");
  if (instruction && instruction.value !== instruction.defaultValue) {
    instruction.dispatchEvent(new Event("refresh"));
  }
});

// A second tap on the button would wait for the first answer anyway.
form?.addEventListener("submit", () => form.querySelector("#start-buttons").setAttribute("aria-busy", "true"));
