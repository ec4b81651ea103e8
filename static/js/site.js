// What every page does when scripts run. Without them every page says the same; it only stands still.

import { localizeTimes } from "./times.js";
import "./in_place.js";
import "./polling.js";

async function enhance(root) {
  localizeTimes(root);
  const players = root.querySelectorAll("[data-player]");
  if (players.length > 0) {
    const { Player } = await import("./player.js");
    players.forEach((element) => Player.attach(element));
  }
}

enhance(document);
document.addEventListener("htmx:afterSettle", (event) => enhance(event.detail.elt));
