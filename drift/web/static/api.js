// The way to the API: the key is kept for this tab alone, and goes in a header, never in an address.

const KEPT = "function-key";
const known = new Map();

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Takes a key out of the address that the page was opened with. */
export function takeKey() {
  const here = new URL(location.href);
  const code = here.searchParams.get("code");
  if (code === null) return;
  useKey(code);
  here.searchParams.delete("code");
  history.replaceState(null, "", here);
}

export function useKey(key) {
  sessionStorage.setItem(KEPT, key);
  known.clear();
}

/** What a route answers. The same question is asked once. Throws Problem. */
export function ask(path, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  const address = `${path}${asked.size ? `?${asked}` : ""}`;
  if (!known.has(address)) {
    const answer = fetched(address);
    known.set(address, answer);
    answer.catch(() => known.delete(address)); // so that it can be asked again
  }
  return known.get(address);
}

async function fetched(address) {
  const key = sessionStorage.getItem(KEPT);
  let response;
  try {
    response = await fetch(address, { headers: key ? { "x-functions-key": key } : {}, referrerPolicy: "no-referrer" });
  } catch {
    throw new Problem(0, "The monitor does not answer.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw new Problem(response.status, body?.detail ?? `The monitor answered ${response.status}.`);
}

/** The pages of a list, up to so many items, and so many pages: those of a group's events may be empty and go on. */
export async function whole(path, query, most, pages = Infinity) {
  const found = [];
  let continuation = null;
  let read = 0;
  do {
    const page = await ask(path, { ...query, limit: 1000, continuation });
    found.push(...page.value);
    continuation = page.continuation ?? null;
    read += 1;
  } while (continuation && found.length < most && read < pages);
  return found;
}
