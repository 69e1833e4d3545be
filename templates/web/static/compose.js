// The composer: forms open in their place, what is typed is saved by itself, and no act reloads the page.
// Without it the page works: its links lead to forms, and its buttons post.
import { allowDragging } from "./compose-drag.js";
import { Editor } from "./compose-editor.js";
import { follow } from "./compose-inbox.js";
import { letterChanged, letterShown, Look } from "./compose-look.js";
import * as net from "./compose-net.js";
import { Presence } from "./compose-presence.js";
import { same, wordsOf } from "./compose-save.js";
import * as store from "./compose-store.js";
import { equip } from "./compose-text.js";
import { element, part, word } from "./compose-words.js";

const root = document.querySelector("[data-compose]");
if (root) begin(root);
else document.querySelectorAll("form[data-write]").forEach(equip);

function begin(page) {
  const find = (selector) => page.querySelector(selector);
  const { issue, who } = page.dataset;
  const base = page.dataset.compose.split("?")[0];
  const query = page.dataset.compose.includes("?") ? `?${page.dataset.compose.split("?")[1]}` : "";
  const door = (path) => `${base}${path}${query}`;
  const editors = new Map(); // of forms that are open, or closed with words that are not saved yet
  let open = null;
  let moment = 0;

  net.begin(page.dataset.token, page.dataset.here);
  const look = new Look(find("[data-aside]"));
  const letter = find("[data-letter]");
  const presence = new Presence(page.dataset.here, newsFrom);

  // What a screen reader is told.
  const live = Object.assign(document.createElement("p"), { className: "hidden", role: "status" });
  live.dataset.live = "";
  page.prepend(live);

  const row = (piece) => find(`[data-piece="${CSS.escape(piece)}"]`);
  const opener = (piece) => row(piece)?.querySelector("[data-open]") ?? row(piece);
  const urlOf = (piece) => door(piece === "head" ? "/head" : `/blocks/${piece}`);

  function say(text) {
    live.textContent = "";
    setTimeout(() => (live.textContent = text), 50);
  }

  // -- Forms -----------------------------------------------------------------------------------

  async function openForm(piece, { checked = false, kind = "", focus = true } = {}) {
    const turn = (moment += 1);
    if (open?.piece === piece) return open.focus();
    const editor = editors.get(piece) ?? (await fetched(piece, checked, kind));
    if (!editor || turn !== moment) return null;
    if (open) closeForm(open, { focus: false });
    open = editor;
    editors.set(piece, editor);
    place(piece).append(editor.box);
    row(piece)?.classList.add("piece-opened");
    if (piece === "head") follow(editor.form, find("[data-inbox]"));
    else look.open(editor.box, `${door(`/blocks/${piece}/preview`)}${query ? "&" : "?"}mode=desktop`);
    parked();
    presence.at(piece);
    if (focus) {
      editor.focus();
      say(word("opened", { name: editor.called }));
    }
    return editor;
  }

  // Of a block that is gone, the form opens above the list: its words can still be brought back.
  const place = (piece) => row(piece)?.querySelector("[data-editor]") ?? find("[data-offers]");

  async function fetched(piece, checked, kind) {
    const url = new URL(urlOf(piece), location.href);
    if (checked) url.searchParams.set("checked", "1");
    if (kind) url.searchParams.set("kind", kind);
    const { trouble, body } = await net.get(url);
    if (trouble || !body.html) {
      say(word({ signin: "signed_out", "": "gone" }[trouble] ?? "unreached"));
      if (trouble === "signin") location.assign(url.pathname);
      return null;
    }
    const called = row(piece)?.dataset.called ?? "";
    const about = { issue, who, piece, kind: kind || (row(piece)?.dataset.kind ?? ""), called, url: urlOf(piece) };
    return new Editor(body.html, about, { say, saved, close: closeForm, replaced, settled: parked, duplicate });
  }

  async function closeForm(editor, { focus = true } = {}) {
    if (open === editor) {
      open = null;
      editor.box.remove();
      row(editor.piece)?.classList.remove("piece-opened");
      look.close();
      letterShown(letter);
      presence.at("");
      if (focus) opener(editor.piece)?.focus();
      if (focus) say(word("closed"));
    }
    await editor.writing.save();
    if (!editor.unsaved && open !== editor) editors.delete(editor.piece);
    parked();
  }

  function saved(editor, body) {
    if (body.block !== editor.piece) return broughtBack(editor, body.block);
    if (editor.piece === "head") refreshHead(body.row);
    else refreshRow(row(editor.piece), element(body.row));
    renewHistory(element(body.history));
    if (open === editor) look.refresh();
    letterChanged(letter);
  }

  // The words of a block that was removed are a block again, at the end.
  async function broughtBack(editor, block) {
    closeForm(editor, { focus: false });
    editors.delete(editor.piece);
    await reload();
    openForm(block);
  }

  // Their version is kept: show it.
  async function replaced(editor) {
    closeForm(editor, { focus: false });
    editors.delete(editor.piece);
    await reload();
    if (row(editor.piece)) openForm(editor.piece);
    else find("[data-add]").focus();
  }

  // Keep their version as a block of its own, next to this one.
  async function duplicate(editor) {
    const { trouble, body } = await net.post(`${urlOf(editor.piece).split("?")[0]}/duplicate${query}`, new FormData());
    if (trouble || !body.outline) return say(word("unreached"));
    reconcile(body.outline);
    letterChanged(letter);
    return true;
  }

  function parked() {
    for (const line of page.querySelectorAll("[data-piece]")) {
      const note = line.querySelector("[data-parked]");
      const editor = editors.get(line.dataset.piece);
      if (note) note.hidden = !editor || editor === open || !editor.unsaved;
    }
    for (const editor of editors.values()) if (editor !== open && !editor.unsaved) editors.delete(editor.piece);
  }

  function refreshHead(html) {
    const fresh = element(html);
    row("head").dataset.revision = fresh.dataset.revision;
    swap(row("head"), fresh);
    if (open?.piece !== "head") find("[data-inbox]").replaceWith(fresh.querySelector("[data-inbox]"));
  }

  // -- The outline -------------------------------------------------------------------------------

  // Take the server's list; the block that is open stays where it is, and the others move around it.
  function reconcile(html) {
    const held = heldKey();
    const fresh = element(html);
    const list = find("[data-pieces]");
    find("[data-outline]").dataset.order = fresh.dataset.order;
    renewHistory(fresh.querySelector("[data-history]"));
    find("[data-empty]").hidden = fresh.querySelector("[data-empty]").hidden;
    const kept = open && row(open.piece)?.parentElement === list ? row(open.piece) : null;
    const wanted = [...fresh.querySelectorAll("[data-pieces] > li")].map((line) => {
      const old = row(line.dataset.piece);
      if (old) refreshRow(old, line);
      return old ?? line;
    });
    const staying = kept && wanted.includes(kept);
    const at = staying ? wanted.indexOf(kept) : -1;
    for (const line of [...list.children]) if (!wanted.includes(line) && line !== kept) line.remove();
    wanted.forEach((line, n) => {
      if (line === kept) return;
      if (n < at) list.insertBefore(line, kept);
      else list.append(line);
    });
    if (kept && !staying && !open.unsaved) closeForm(open, { focus: false }).then(() => kept.remove());
    parked();
    restoreFocus(held);
  }

  function refreshRow(old, fresh) {
    if (!old || !fresh) return;
    for (const name of ["kind", "revision", "called"]) old.dataset[name] = fresh.dataset[name];
    swap(old, fresh);
  }

  function swap(old, fresh) {
    const held = old.querySelector("[data-line]").contains(document.activeElement) ? heldKey() : null;
    const who = old.querySelector("[data-who]");
    fresh.querySelector("[data-who]").textContent = who.textContent;
    fresh.querySelector("[data-who]").hidden = who.hidden;
    old.querySelector("[data-line]").replaceWith(fresh.querySelector("[data-line]"));
    restoreFocus(held);
    parked();
  }

  // What takes an act back keeps the focus, if it still can.
  function renewHistory(fresh) {
    const old = find("[data-history]");
    const key = old.contains(document.activeElement) ? document.activeElement.dataset.key : "";
    old.replaceWith(fresh);
    if (key) fresh.querySelector(`[data-key="${key}"]:not([disabled])`)?.focus();
  }

  // Which control of which block has the focus.
  function heldKey() {
    const control = document.activeElement;
    const line = control?.closest("[data-line]");
    const key = control?.closest("[data-key], [data-open]");
    return line && { piece: line.closest("[data-piece]").dataset.piece, key: key?.dataset.key ?? (key ? "open" : "") };
  }

  function restoreFocus(held) {
    if (!held || !row(held.piece)) return;
    const other = { up: "down", down: "up" }[held.key];
    const line = row(held.piece);
    const control = (key) => (key === "open" ? line.querySelector("[data-open]") : key && line.querySelector(`[data-key="${key}"]`));
    (control(held.key) || control(other) || opener(held.piece)).focus();
  }

  async function reload() {
    const { trouble, body } = await net.get(door(""));
    if (!trouble && body.outline) take(body);
  }

  // The letter as the service has it now; a form in which nothing was typed follows.
  function take(body) {
    reconcile(body.outline);
    refreshHead(body.head);
    letterChanged(letter);
    if (open && !open.unsaved && Number(row(open.piece)?.dataset.revision) > open.writing.revision) takeNew(open);
  }

  // -- Acts --------------------------------------------------------------------------------------

  async function act(form, submitter) {
    const line = form.closest("[data-piece]");
    const editor = line ? editors.get(line.dataset.piece) : open;
    const kind = form.dataset.act;
    const data = new FormData(form, submitter);
    if (editor) await editor.writing.save();
    if (kind === "remove") data.set("revision", editor?.writing.revision ?? line.dataset.revision);
    const next = line && (line.nextElementSibling ?? line.previousElementSibling);
    const { trouble, body } = await net.post(form.action, data);
    if (trouble || !body.outline) return say(word(trouble === "signin" ? "signed_out" : body?.outcome === "left" ? "left" : "unreached"));
    done(kind, line, body, editor, next);
  }

  function done(kind, line, body, editor, next) {
    const isGone = kind === "remove" && body.told.some(({ kind: told }) => told === "success");
    if (isGone && editor) {
      editor.writing.giveUp();
      closeForm(editor, { focus: false });
    }
    take(body);
    tell(body.told);
    if (kind === "add") return added(body.block);
    if (isGone) return (next?.isConnected ? next.querySelector("[data-open], summary") : find("[data-add]")).focus();
    const stays = [line, find("[data-history]"), open?.box].some((place) => place?.contains(document.activeElement));
    if (kind !== "" || !stays) opener(body.block)?.focus();
    row(body.block)?.scrollIntoView({ block: "nearest" });
  }

  function tell(told) {
    say(told.map(({ text }) => text).join(" "));
    find("[data-told]").replaceChildren(...told.map(shown));
  }

  function shown({ kind, text }) {
    const box = Object.assign(document.createElement("div"), { className: `alert alert-${kind}` });
    box.append(Object.assign(document.createElement("p"), { textContent: text }));
    return box;
  }

  function added(block) {
    find("[data-dialog]").close();
    if (row(block)?.querySelector("[data-open]")) openForm(block);
    else row(block)?.focus();
  }

  async function choose(link) {
    const { trouble, body } = await net.get(link.href);
    if (trouble || !body.html) return say(word(trouble === "signin" ? "signed_out" : "unreached"));
    const dialog = find("[data-dialog]");
    dialog.querySelector("[data-choice]").replaceChildren(element(body.html));
    dialog.showModal();
    dialog.querySelector("h2").focus();
  }

  page.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-act]")) return;
    event.preventDefault();
    act(event.target, event.submitter);
  });

  // Outside of a field, whose own undo is the browser's: the last act.
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select");
    if (isTyping || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
    const button = key && find(`[data-history] [data-key="${key}"]:not([disabled])`);
    if (!button) return;
    event.preventDefault();
    button.click();
  });

  page.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    const add = event.target.closest("a[data-add]");
    const link = event.target.closest("a[href]");
    const piece = event.target.closest("a[data-open]")?.closest("[data-piece]").dataset.piece ?? pieceOf(link);
    if (!add && !piece) return;
    event.preventDefault();
    if (add) choose(add);
    else if (open?.piece === piece) closeForm(open);
    else openForm(piece, { checked: link.search.includes("checked") });
  });

  // A link of the checks leads to a block of this page: it opens here.
  function pieceOf(link) {
    const inside = link && new URL(link.href).pathname.startsWith(`${base}/blocks/`) && !link.target;
    const piece = inside ? link.pathname.slice(`${base}/blocks/`.length) : "";
    return piece && row(piece) ? piece : "";
  }

  // -- The others -------------------------------------------------------------------------------

  function newsFrom({ others, order, pieces }) {
    const here = others.filter(({ piece }) => !piece || !row(piece));
    find("[data-others]").textContent = [...new Set(here.map(({ told }) => told))].join(" ");
    find("[data-others]").hidden = !here.length;
    for (const line of page.querySelectorAll("[data-piece]")) {
      const note = line.querySelector("[data-who]");
      const told = others.filter(({ piece }) => piece === line.dataset.piece).map((each) => each.told);
      note.textContent = [...new Set(told)].join(" ");
      note.hidden = !told.length;
    }
    const isOther = (line) => pieces[line.dataset.piece] !== undefined && pieces[line.dataset.piece] > Number(line.dataset.revision);
    const lines = [...page.querySelectorAll("[data-piece]")];
    const moved = order > Number(find("[data-outline]").dataset.order);
    if (moved || lines.some(isOther)) reload();
    if (open && pieces[open.piece] === undefined && open.unsaved) open.writing.save();
  }

  // Somebody has changed the block that is open here, and nothing was typed in it: show it as it is now.
  function takeNew(editor) {
    if (editor.box.contains(document.activeElement)) return; // not under the hands; a save will tell
    editors.delete(editor.piece);
    closeForm(editor, { focus: false }).then(() => openForm(editor.piece, { focus: false }));
  }

  // -- Words that were left -----------------------------------------------------------------------

  async function offerWhatWasLeft() {
    for (const words of await store.left(issue, who)) await offer(words);
  }

  async function offer(words) {
    const url = new URL(urlOf(words.piece), location.href);
    if (words.kind && words.piece !== "head") url.searchParams.set("kind", words.kind);
    const { trouble, body } = await net.get(url);
    if (trouble || !body.html) return;
    const now = wordsOf(element(body.html));
    if (same(now, words.fields)) return store.forgetKey(words.key);
    const isOwn = words.sent && same(now, words.sent); // only the answer to the last save never came
    const shown = part("offer").firstElementChild;
    shown.querySelector("[data-called]").textContent = words.called;
    shown.querySelector("[data-excerpt]").textContent = difference(words.fields, now);
    shown.querySelector("[data-drop]").addEventListener("click", () => {
      store.forgetKey(words.key);
      shown.remove();
      say(word("given_up"));
      find("h1").focus();
    });
    shown.querySelector("[data-take]").addEventListener("click", async () => {
      const editor = await openForm(words.piece, { kind: words.kind });
      if (!editor) return;
      shown.remove();
      fillIn(editor, words, isOwn);
    });
    find("[data-offers]").append(shown);
  }

  const difference = (fields, now) =>
    fields
      .filter(([name, value]) => value.trim() && !now.some(([other, text]) => other === name && text === value))
      .map(([, value]) => value)
      .join("\n");

  function fillIn(editor, words, isOwn) {
    if (!isOwn && editor.writing.revision > 0) editor.writing.revision = words.revision; // a newer one is compared
    for (const [name, value] of words.fields) fill(editor, name, value);
    for (const box of editor.form.querySelectorAll('input[type="checkbox"]')) {
      box.checked = words.fields.some(([name]) => name === box.name);
    }
    store.forgetKey(words.key);
    editor.writing.touched();
    say(word("taken_up"));
  }

  function fill(editor, name, value) {
    editor.growing.forEach((group) => group.grow());
    const field = [...editor.form.querySelectorAll(`[name="${CSS.escape(name)}"]`)].find((each) => each.type !== "file" && each.type !== "checkbox");
    if (!field || field.name === "kind") return;
    field.value = value;
    field.closest("details")?.setAttribute("open", "");
  }

  // -- Coming and going ---------------------------------------------------------------------------

  const unsaved = () => [...editors.values()].filter((editor) => editor.unsaved);

  addEventListener("beforeunload", (event) => {
    if (unsaved().length) event.preventDefault();
  });
  addEventListener("pagehide", () => unsaved().forEach((editor) => editor.writing.save({ keepalive: true })));
  document.addEventListener("visibilitychange", () => {
    for (const editor of unsaved()) editor.writing.save({ keepalive: document.hidden });
  });
  for (const name of ["online", "focus"]) addEventListener(name, () => unsaved().forEach((editor) => editor.writing.save()));

  allowDragging(find("[data-pieces]"));
  offerWhatWasLeft();
}
