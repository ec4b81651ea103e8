// Pages are sent with times in UTC; the reader sees those of their own clock, with the UTC time as the title.

const format = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

export function localizeTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    time.title = time.textContent.trim();
    time.textContent = format.format(new Date(time.dateTime));
  }
  for (const place of root.querySelectorAll("[data-time-zone]")) {
    place.textContent = `your time zone, ${format.resolvedOptions().timeZone}`;
  }
}
