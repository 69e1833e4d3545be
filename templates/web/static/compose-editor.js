// One open form: its tools, the state of its save, its parts that grow, and what to do when somebody else was first.
import * as net from "./compose-net.js";
import { equip } from "./compose-text.js";
import { Writing, wordsOf } from "./compose-save.js";
import { element, part, word } from "./compose-words.js";

const TROUBLES = new Set(["cut", "down", "signin", "left", "full", "failed", "conflict"]);

export class Editor {
  // about: {issue, who, piece, kind, called, url}; on: {say, saved, close, replaced, settled}
  constructor(html, about, on) {
    Object.assign(this, about);
    this.on = on;
    this.box = document.createElement("div");
    this.box.append(element(html), part("state"));
    this.form = this.box.querySelector("form");
    this.changedFields = new Set();
    this.prepare();
    this.writing = new Writing(this.form, about, {
      state: (name, told, came) => this.state(name, told, came),
      saved: (body, files) => this.saved(body, files),
      conflict: (body) => this.conflict(body),
    });
    this.box.querySelector("[data-close]").addEventListener("click", () => on.close(this));
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) on.close(this);
      if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.writing.save();
      }
    });
  }

  prepare() {
    this.form.querySelector("[data-buttons]").remove();
    equip(this.form);
    this.growing = [...this.form.querySelectorAll("fieldset.group[id]")].map((group) => new Growing(group));
    this.form.addEventListener("input", () => this.growing.forEach((group) => group.grow()));
    this.form.addEventListener("change", (event) => {
      this.changedFields.add(event.target.name);
      if (event.target.type === "file") this.writing.save();
    });
  }

  get unsaved() {
    return this.writing.unsaved;
  }

  focus() {
    const first = this.form.querySelector('input:not([type="hidden"]):not([type="file"]), textarea, select');
    const visible = [...this.form.querySelectorAll('input:not([type="hidden"]), textarea, select')].find((field) => field.offsetParent && !field.closest(".tool-panel"));
    (visible ?? first)?.focus();
  }

  state(name, told, came) {
    const shown = this.box.querySelector("[data-state]");
    shown.textContent = told ?? word(name);
    shown.classList.toggle("missing", TROUBLES.has(name));
    this.box.querySelector("[data-signin]").hidden = name !== "signin";
    if (TROUBLES.has(name) && this.trouble !== name) this.on.say(word(name));
    if (came) this.on.say(word(came));
    this.trouble = TROUBLES.has(name) ? name : "";
    this.on.settled(this);
  }

  saved(body, files) {
    this.showFaults({ ...body.faults, ...body.refused }, new Set(Object.keys(body.refused ?? {})));
    if (files.length) this.renewPictures(files);
    this.on.saved(this, body);
  }

  // What is mended loses its fault; a field that was changed and left gains the one it has.
  showFaults(faults, always) {
    for (const field of this.form.querySelectorAll(".field [name], .choice [name]")) {
      const box = field.closest(".field, .choice");
      const shown = box.querySelector(".field-error");
      const fault = faults[field.name];
      const isPart = /\.\d+\./.test(field.name); // its place among the parts may not be the server's
      const wanted = always.has(field.name) || (this.changedFields.has(field.name) && !isPart);
      if (shown && !fault) removeFault(box, field, shown);
      else if (shown) shown.textContent = fault;
      else if (fault && wanted && field !== document.activeElement) addFault(box, field, fault);
    }
  }

  // A file that was taken is shown as the picture it became.
  async renewPictures(names) {
    const { body } = await net.get(this.url);
    if (!body?.html) return;
    const fresh = element(body.html);
    for (const name of names) {
      const place = (form) => form.querySelector(`input[type="file"][name="${CSS.escape(name)}"]`)?.closest("fieldset.group");
      const [old, renewed] = [place(this.form), place(fresh)];
      if (!old || !renewed) continue;
      const held = old.contains(document.activeElement) ? document.activeElement.name : "";
      const typed = new Map([...old.querySelectorAll("input:not([type])[name], input[type='text'][name]")].map((input) => [input.name, input.value]));
      old.replaceWith(renewed);
      for (const input of renewed.querySelectorAll("input[type='text'][name]")) input.value = typed.get(input.name) ?? input.value;
      if (held) renewed.querySelector(`[name="${CSS.escape(held)}"]:not([type="hidden"])`)?.focus();
    }
    if (this.writing.stopped === "") {
      const same = wordsOf(this.form);
      this.writing.stored = this.writing.stored.filter(([name]) => !names.includes(name)).concat(same.filter(([name]) => names.includes(name)));
    }
  }

  // -- Somebody else was first ------------------------------------------------------------------

  conflict(body) {
    this.box.querySelector(".conflict")?.remove();
    const shown = element(body.html);
    this.box.prepend(shown);
    for (const button of shown.querySelectorAll("[data-keep]")) {
      button.addEventListener("click", () => this.decide(button.dataset.keep, body.revision, shown));
    }
    shown.focus();
  }

  async decide(choice, revision, shown) {
    if (choice === "both" && !(await this.on.duplicate(this))) return;
    shown.remove();
    if (choice === "theirs") {
      this.writing.giveUp();
      this.on.replaced(this);
      return;
    }
    await this.writing.over(revision);
    this.focus();
  }
}

function addFault(box, field, fault) {
  const sentence = document.createElement("p");
  sentence.className = "field-error";
  sentence.id = `${field.id}-error`;
  sentence.textContent = fault;
  field.before(sentence);
  box.classList.add("field-invalid");
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", [field.getAttribute("aria-describedby"), sentence.id].filter(Boolean).join(" "));
}

function removeFault(box, field, shown) {
  const others = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== shown.id);
  if (others.length) field.setAttribute("aria-describedby", others.join(" "));
  else field.removeAttribute("aria-describedby");
  field.removeAttribute("aria-invalid");
  box.classList.remove("field-invalid");
  shown.remove();
}

// A list of parts, of which an empty one is always there.
class Growing {
  constructor(group) {
    this.group = group;
    this.sample = this.last && !isFilled(this.last) ? this.last.cloneNode(true) : null;
    this.first = this.parts.length - 1; // the number of the sample
  }

  get parts() {
    return this.group.querySelectorAll(":scope > .group-part");
  }

  get last() {
    return [...this.parts].at(-1);
  }

  grow() {
    if (!this.sample || !this.last || !isFilled(this.last)) return;
    const n = this.parts.length;
    const next = this.sample.cloneNode(true);
    const before = `${this.group.id}.${this.first}.`;
    for (const each of [next, ...next.querySelectorAll("*")]) {
      for (const name of ["id", "for", "name", "aria-describedby"]) {
        const value = each.getAttribute(name);
        if (value) each.setAttribute(name, value.replaceAll(before, `${this.group.id}.${n}.`));
      }
    }
    const legend = next.querySelector("legend").firstChild;
    legend.data = legend.data.replace(/\d+/, n + 1);
    this.last.after(next);
  }
}

function isFilled(part) {
  return [...part.querySelectorAll("input, textarea")].some((field) =>
    field.type === "checkbox" ? field.checked : field.type !== "hidden" && field.value.trim() !== "",
  );
}
