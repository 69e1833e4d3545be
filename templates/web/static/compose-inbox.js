// Cuts subject and preheader as mailboxes do, while one types them.
import { word } from "./compose-words.js";

const FIELD = /\{\{\s*(\w+)\s*(?:\|\s*["'“«]\s*([^"'”»}]*?)\s*["'”»]\s*)?\}\}/g;

const read = (text) => text.replace(FIELD, (whole, name) => (name === "name" ? word("reader") : whole)).trim();
const cut = (text, most) => (text.length <= most ? text : most > 0 ? `${text.slice(0, most - 1)}…` : "");

export function follow(form, inbox) {
  const show = () => {
    const subject = read(form.elements.subject.value);
    const preheader = read(form.elements.preheader.value);
    for (const mail of inbox.querySelectorAll("[data-most]")) {
      const most = Number(mail.dataset.most);
      const after = Number(mail.dataset.after);
      const left = "oneLine" in mail.dataset ? Math.max(0, after - Math.min(subject.length, most)) : after;
      mail.querySelector("[data-subject]").textContent = cut(subject, most) || word("no_subject");
      mail.querySelector("[data-preheader]").textContent = cut(preheader, left);
    }
    for (const [name, text] of [["subject", subject], ["preheader", preheader]]) {
      inbox.querySelector(`[data-length="${name}"]`).textContent = word(`characters_${name}`, { n: text.length });
    }
  };
  form.addEventListener("input", show);
  show();
}
