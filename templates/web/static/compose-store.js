// Keeps what is typed in this browser until the server has it, so that a tab that is killed loses no word.
const PREFIX = "mailer:write";
const TAB = Math.random().toString(36).slice(2, 12).padEnd(6, "0");
const LOCK = (tab) => `${PREFIX}:${tab}`;

// While this tab lives it holds a lock: what it is still writing is offered to no other.
navigator.locks?.request(LOCK(TAB), () => new Promise(() => {}));

export const tab = TAB;

// words: {who, kind, called, fields, sent}; fields and sent are lists of [name, value].
export function keep(issue, piece, revision, words) {
  try {
    localStorage.setItem(key(issue, piece, revision), JSON.stringify({ ...words, piece, revision, at: Date.now() }));
  } catch {
    // no room, or none allowed: the form itself still holds the words
  }
}

export function forget(issue, piece, revision) {
  forgetKey(key(issue, piece, revision));
}

export function forgetKey(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // none allowed
  }
}

// What tabs that are gone have left of this person's words, the oldest first.
export async function left(issue, who) {
  const alive = await living();
  const kept = [];
  for (const name of names(`${PREFIX}:${issue}:`)) {
    const words = read(name);
    if (words?.who === who && !alive.has(LOCK(name.split(":").at(-1)))) kept.push({ ...words, key: name });
  }
  return kept.sort((one, other) => one.at - other.at);
}

async function living() {
  const state = (await navigator.locks?.query()) ?? { held: [] };
  return new Set(state.held.map((lock) => lock.name));
}

function names(prefix) {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

function key(issue, piece, revision) {
  return `${PREFIX}:${issue}:${piece}:${revision}:${TAB}`;
}
