// Files that are being sent, kept in the browser so that a page that is opened again goes on by itself. A browser may
// refuse (a private window, no room): then the same file has to be chosen again, and the page says so.

const NAME = "arena-uploads";
const STORE = "files";

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "id" }).createIndex("place", "place");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
  return opened;
}

async function within(mode, act) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    const request = act(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

/** A record is {id, place, kind, url, file}; `place` is the session and side. True where it was kept. */
export async function keep(record) {
  try {
    await within("readwrite", (store) => store.put(record));
    return true;
  } catch {
    return false;
  }
}

/** Say where a kept file is being sent; one that is not kept any more stays away. */
export async function note(id, changes) {
  try {
    const record = await within("readonly", (store) => store.get(id));
    if (record) {
      await keep({ ...record, ...changes });
    }
  } catch {
    // It is found again by name and size.
  }
}

export async function forget(id) {
  try {
    await within("readwrite", (store) => store.delete(id));
  } catch {
    // Nothing was kept.
  }
}

export async function isKept(id) {
  try {
    return (await within("readonly", (store) => store.get(id))) !== undefined;
  } catch {
    return false;
  }
}

export async function keptFor(place) {
  try {
    return await within("readonly", (store) => store.index("place").getAll(place));
  } catch {
    return [];
  }
}
