// What the page holds for its scripts: sentences in the reader's language, and parts to copy.
const words = new Map();
for (const each of document.querySelector("template[data-words]")?.content.querySelectorAll("[data-word]") ?? []) {
  words.set(each.dataset.word, each.textContent);
}

export function word(name, values = {}) {
  let text = words.get(name) ?? "";
  for (const [key, value] of Object.entries(values)) text = text.replace(`{${key}}`, value);
  return text;
}

// A fresh copy of a part.
export function part(name) {
  return document.querySelector(`template[data-part="${name}"]`).content.cloneNode(true);
}

// The element that a piece of the server's HTML is.
export function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}
