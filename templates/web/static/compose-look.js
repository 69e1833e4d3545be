// Shows the block that is open as it will be read, beside its form; on a narrow screen, under it.
import { part } from "./compose-words.js";

const AROUND = 130; // CSS pixels: the title and the frame around it
const WIDE = matchMedia("(min-width: 62rem)");

export class Look {
  constructor(aside) {
    this.aside = aside;
    this.letter = aside.querySelector("[data-letter]");
    WIDE.addEventListener("change", () => this.url && this.open(this.box, this.url));
  }

  open(box, url) {
    this.close();
    Object.assign(this, { box, url });
    this.shown = part("look").firstElementChild;
    (WIDE.matches ? this.aside : box).append(this.shown);
    this.letter.hidden = WIDE.matches;
    this.refresh();
  }

  close() {
    this.shown?.remove();
    this.shown = this.url = null;
    this.letter.hidden = false;
  }

  // The old picture stays until the new one is there.
  refresh() {
    if (!this.shown) return;
    replace(this.shown.querySelector("[data-frames]"), this.url);
  }
}

function replace(place, url) {
  const old = [...place.children];
  const frame = part("frame").firstElementChild;
  frame.classList.toggle("arriving", old.length > 0);
  frame.addEventListener("load", () => {
    frame.classList.remove("arriving");
    fit(frame);
    for (const each of old) each.remove();
  });
  frame.src = url;
  place.append(frame);
}

// As high as what it shows, and no higher than the window: nothing of it runs, so that it may be measured.
function fit(frame) {
  const page = frame.contentDocument?.documentElement;
  if (page) frame.style.height = `${Math.min(page.scrollHeight, innerHeight - AROUND)}px`;
}

// The whole letter has changed: preview.js shows it anew, once it is in sight.
export function letterChanged(letter) {
  if (letter.hidden) letter.dataset.stale = "";
  else document.dispatchEvent(new CustomEvent("mailer:saved"));
}

export function letterShown(letter) {
  if (!("stale" in letter.dataset)) return;
  delete letter.dataset.stale;
  document.dispatchEvent(new CustomEvent("mailer:saved"));
}
