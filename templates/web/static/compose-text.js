// The tools above a text: bold, italics, list, link, and what changes from one reader to the next; and what is pasted.
// Every change goes through the browser's own editing, so that its undo takes it back.
import { isRich, toMarkdown } from "./paste.js";
import { part, word } from "./compose-words.js";

const KEYS = { b: "bold", i: "italic", k: "link" };
let count = 0;

export function equip(form) {
  for (const area of form.querySelectorAll("textarea[data-markdown]")) new Tools(area);
}

// Replace what is selected, as if it was typed.
function type(area, text) {
  area.focus();
  if (document.execCommand("insertText", false, text)) return;
  area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

class Tools {
  constructor(area) {
    this.area = area;
    this.bar = document.createElement("div");
    this.bar.append(part("tools"));
    number(this.bar, (count += 1));
    area.before(this.bar);
    const hint = document.getElementById(`${area.id}-hint`) ?? area.closest(".field").querySelector(".hint");
    if (hint && hint.closest(".field") === area.closest(".field")) hint.textContent = word("text_hint");
    this.told = this.bar.querySelector("[data-told]");
    for (const button of this.bar.querySelectorAll("[data-tool]")) {
      button.addEventListener("mousedown", (event) => event.preventDefault()); // the text keeps the focus
      button.addEventListener("click", () => this.use(button.dataset.tool));
    }
    for (const panel of this.bar.querySelectorAll("[data-panel]")) this.arrange(panel);
    area.addEventListener("keydown", (event) => this.pressed(event));
    area.addEventListener("paste", (event) => this.pasted(event));
  }

  pressed(event) {
    const tool = KEYS[event.key.toLowerCase()];
    if (!tool || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    this.use(tool);
  }

  use(tool) {
    if (tool === "bold") this.mark("**", word("bold_words"));
    else if (tool === "italic") this.mark("*", word("italic_words"));
    else if (tool === "list") this.list();
    else this.open(tool);
  }

  get chosen() {
    return this.area.value.slice(this.area.selectionStart, this.area.selectionEnd);
  }

  // Put marks around what is selected, or take them away.
  mark(sign, otherwise) {
    const { area } = this;
    const { selectionStart: from, selectionEnd: to, value } = area;
    const text = this.chosen;
    const outside = (at) => value.slice(at, at + sign.length);
    const single = sign === "**" || (value[from - 2] !== "*" && value[to + 1] !== "*");
    if (text && outside(from - sign.length) === sign && outside(to) === sign && single) {
      area.setSelectionRange(from - sign.length, to + sign.length);
      type(area, text);
      area.setSelectionRange(from - sign.length, to - sign.length);
      return;
    }
    const [, before, core, after] = /^(\s*)([^]*?)(\s*)$/.exec(text || otherwise);
    type(area, `${before}${sign}${core}${sign}${after}`);
    const start = from + before.length + sign.length;
    area.setSelectionRange(start, start + core.length);
  }

  list() {
    const { area } = this;
    const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
    const end = area.value.indexOf("\n", area.selectionEnd);
    const to = end < 0 ? area.value.length : end;
    const lines = area.value.slice(from, to).split("\n");
    const full = lines.filter((line) => line.trim());
    const all = full.length > 0 && full.every((line) => /^- /.test(line));
    const items = full.length ? lines.map((line) => (all ? line.replace(/^- /, "") : line.trim() && !/^- /.test(line) ? `- ${line}` : line)) : [`- ${word("list_item")}`];
    const before = area.value.slice(0, from);
    const gap = !all && before.trim() && !/\n\n$|(^|\n)- [^\n]*\n$/.test(before) ? "\n" : "";
    area.setSelectionRange(from, to);
    type(area, gap + items.join("\n"));
    if (!full.length) area.setSelectionRange(from + gap.length + 2, from + gap.length + items[0].length);
  }

  open(tool) {
    const wanted = this.bar.querySelector(`[data-panel="${tool}"]`);
    const opens = wanted.hidden;
    this.close();
    if (!opens) return this.area.focus();
    this.range = [this.area.selectionStart, this.area.selectionEnd];
    wanted.hidden = false;
    this.bar.querySelector(`[data-tool="${tool}"]`).setAttribute("aria-expanded", "true");
    if (tool === "link") {
      const [words, address] = wanted.querySelectorAll("input");
      const isAddress = /^(https?:\/\/|mailto:)\S+$/.test(this.chosen.trim());
      words.value = isAddress ? "" : this.chosen.trim();
      address.value = isAddress ? this.chosen.trim() : "";
      (words.value ? address : words).focus();
    } else {
      wanted.querySelector("select").focus();
    }
  }

  close() {
    for (const panel of this.bar.querySelectorAll("[data-panel]")) panel.hidden = true;
    for (const button of this.bar.querySelectorAll("[aria-expanded]")) button.setAttribute("aria-expanded", "false");
  }

  arrange(panel) {
    const insert = () => this.insert(panel);
    panel.querySelector("[data-insert]").addEventListener("click", insert);
    panel.querySelector("[data-cancel]").addEventListener("click", () => this.back());
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.back();
      } else if (event.key === "Enter" && event.target.tagName === "INPUT") {
        event.preventDefault();
        insert();
      }
    });
    for (const field of panel.querySelectorAll("input, select")) {
      field.removeAttribute("name"); // none of the form's own
      for (const kind of ["input", "change"]) field.addEventListener(kind, (event) => event.stopPropagation());
    }
  }

  back() {
    this.close();
    this.area.focus();
    this.area.setSelectionRange(...this.range);
  }

  insert(panel) {
    const fields = [...panel.querySelectorAll("input, select")];
    const text = panel.dataset.panel === "link" ? link(...fields) : mergeField(...fields);
    if (!text) return fields.find((field) => !field.value.trim())?.focus();
    this.back();
    type(this.area, text);
  }

  pasted(event) {
    const html = event.clipboardData?.getData("text/html") ?? "";
    if (!isRich(html)) return;
    const text = toMarkdown(html);
    if (!text) return;
    event.preventDefault();
    type(this.area, text);
    this.told.textContent = word("pasted");
  }
}

function link(words, address) {
  const url = address.value.trim();
  const label = words.value.trim().replace(/([[\]])/g, "\\$1");
  if (!url || !label) return "";
  const whole = /^[a-z][a-z+.-]*:/i.test(url) ? url : url.includes("@") && !url.includes("/") ? `mailto:${url}` : `https://${url}`;
  return `[${label}](${whole.replace(/[()\s<>]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`)})`;
}

function mergeField(which, fallback) {
  if (which.value === "greeting") return "{{ greeting }}";
  const otherwise = fallback.value.replace(/["{}\n]/g, "").trim();
  return otherwise ? `{{ name | "${otherwise}" }}` : "";
}

// The same tools stand on one page several times: their ids do not.
function number(bar, n) {
  for (const each of bar.querySelectorAll("[id]")) each.id = `${each.id}-${n}`;
  for (const each of bar.querySelectorAll("[for]")) each.setAttribute("for", `${each.getAttribute("for")}-${n}`);
  for (const each of bar.querySelectorAll("[aria-describedby]")) {
    each.setAttribute("aria-describedby", `${each.getAttribute("aria-describedby")}-${n}`);
  }
}
