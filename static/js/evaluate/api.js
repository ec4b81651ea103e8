// The platform's JSON API, as these pages use it.

/** The platform answered that it cannot do this: `code` is stable, `message` is for a person. */
export class Refused extends Error {
  constructor(status, error) {
    super(error.message || "The platform could not do this.");
    this.status = status;
    this.code = error.code || "";
    this.error = error;
  }

  /** Whether the same request may go well a little later. */
  get passes() {
    return this.status === 429 || this.status >= 500;
  }
}

/** No answer came. */
export class NoConnection extends Error {}

export class Api {
  constructor(base, token) {
    this.base = base;
    this.token = token;
  }

  get(path) {
    return this.ask("GET", path);
  }

  patch(path, body, options) {
    return this.ask("PATCH", path, { body: JSON.stringify(body), type: "application/json", ...options });
  }

  post(path, body) {
    if (body instanceof FormData) {
      return this.ask("POST", path, { body });
    }
    return this.ask("POST", path, { body: JSON.stringify(body ?? {}), type: "application/json" });
  }

  async ask(method, path, { body, type, keepalive = false } = {}) {
    const headers = { Accept: "application/json", "X-CSRFToken": this.token };
    if (type) {
      headers["Content-Type"] = type;
    }
    const answer = await reach(this.base + path, { method, headers, body, keepalive, credentials: "same-origin" });
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      throw new Refused(answer.status, content.error ?? {});
    }
    return content;
  }
}

export async function reach(address, request) {
  try {
    return await fetch(address, request);
  } catch (error) {
    throw new NoConnection(error.message);
  }
}
