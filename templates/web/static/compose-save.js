// Saves one form by itself: one save at a time, each for the revision that was shown.  It never writes into a field.
import * as net from "./compose-net.js";
import * as store from "./compose-store.js";

const PAUSE = 500; // ms without a key, then it is saved…
const LONGEST = 5000; // …and at the latest so long after the first one
const SOON = 1000; // ms until the first new try…
const AT_MOST = 30000; // …and between two later ones
const OWN = new Set(["csrf_token", "revision", "then"]);

// The words of a form, as a list that can be compared and kept: files are not words.
export function wordsOf(form) {
  return [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !OWN.has(name));
}

export function same(one, other) {
  const spelled = (words) => JSON.stringify(words.filter(([, value]) => value.trim() !== "").map(lines).sort());
  return spelled(one) === spelled(other);
}

const lines = ([name, value]) => [name, value.replaceAll("\r\n", "\n").trim()];

export class Writing {
  // on: {state(name, sentence), saved(body), conflict(body)}
  constructor(form, { issue, piece, kind, called, who }, on) {
    Object.assign(this, { form, issue, piece, kind, called, who, on });
    this.revision = Number(form.elements.revision.value);
    this.stored = wordsOf(form); // what the server has
    this.unanswered = null; // what was sent, as long as nobody knows what became of it
    this.wait = SOON;
    this.stopped = ""; // "conflict", "left", "full", "failed": nothing is sent until somebody decides
    form.addEventListener("input", () => this.touched());
    form.addEventListener("change", () => this.touched());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  get unsaved() {
    return Boolean(this.unanswered) || this.files().length > 0 || !same(wordsOf(this.form), this.stored);
  }

  files() {
    return [...this.form.querySelectorAll('input[type="file"]')].filter((input) => input.files.length);
  }

  touched() {
    if (!this.unsaved) {
      if (!this.stopped) this.drop();
      return;
    }
    this.keep();
    if (this.stopped) return;
    if (!this.trouble) this.on.state("saving");
    this.since ??= Date.now();
    const longest = this.since + LONGEST - Date.now();
    this.later(Math.max(0, Math.min(PAUSE, longest)));
  }

  keep() {
    const { who, kind, called } = this;
    const fields = wordsOf(this.form);
    store.keep(this.issue, this.piece, this.revision, { who, kind, called, fields, sent: this.unanswered?.words });
  }

  drop() {
    store.forget(this.issue, this.piece, this.revision);
    clearTimeout(this.timer);
  }

  later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), ms);
  }

  // Save now what is not saved; wait for the answer.  Return whether everything is.
  async save({ keepalive = false } = {}) {
    clearTimeout(this.timer);
    if (this.busy) return this.busy;
    if (this.stopped || !this.unsaved) return !this.unsaved;
    this.busy = this.once(keepalive).finally(() => (this.busy = null));
    const settled = await this.busy;
    if (!settled || this.stopped) return false;
    if (this.unsaved) return this.save({ keepalive });
    return true;
  }

  async once(keepalive) {
    this.since = null;
    const sent = (this.unanswered ??= this.snapshot());
    this.keep();
    const { trouble, status, body } = await net.post(this.form.action, sent.data, {
      keepalive: keepalive && sent.files.length === 0,
      patience: sent.files.length ? 120000 : 20000,
    });
    if (trouble === "cut" || trouble === "down") return this.again(trouble);
    this.unanswered = null; // it was answered, one way or the other
    if (trouble === "signin") return this.again(trouble);
    if (status === 200 && body.outcome === "saved") return this.accepted(sent, body);
    return this.refused(trouble ? { outcome: "failed" } : body);
  }

  snapshot() {
    const data = new FormData(this.form);
    data.set("revision", this.revision);
    const files = this.files().map((input) => ({ name: input.name, file: input.files[0] }));
    return { data, files, words: wordsOf(this.form) };
  }

  again(trouble) {
    this.on.state(trouble);
    this.trouble = trouble;
    this.later(this.wait);
    this.wait = Math.min(2 * this.wait, AT_MOST);
    return false;
  }

  accepted(sent, body) {
    store.forget(this.issue, this.piece, this.revision);
    this.revision = body.revision;
    this.form.elements.revision.value = body.revision;
    this.stored = sent.words;
    for (const { name, file } of sent.files) {
      const input = this.form.elements[name];
      for (const each of input instanceof RadioNodeList ? input : [input]) {
        if (each?.type === "file" && each.files[0] === file) each.value = "";
      }
    }
    this.wait = SOON;
    if (this.unsaved) {
      this.keep();
      this.on.state("saving");
    } else {
      this.on.state("saved", body.told, this.trouble ? "back" : "");
      this.trouble = "";
    }
    this.on.saved(body, sent.files.map(({ name }) => name));
    return true;
  }

  refused(body) {
    const clash = body.outcome === "stale" || body.outcome === "removed";
    this.stopped = clash ? "conflict" : body.outcome ?? "failed";
    this.keep();
    this.on.state(this.stopped);
    if (clash) this.on.conflict(body);
    return false;
  }

  // Somebody has seen what the others wrote, and keeps this form: save it over that revision.
  async over(revision) {
    this.drop();
    this.revision = revision;
    this.stored = [];
    this.stopped = "";
    this.keep();
    return this.save();
  }

  giveUp() {
    this.drop();
    this.stored = wordsOf(this.form);
    this.unanswered = null;
    this.stopped = "";
  }
}
