// Tells the others that somebody is here and in which block, and this page who they are and what they changed.
import * as net from "./compose-net.js";
import { tab } from "./compose-store.js";

const EACH = 30000; // ms

export class Presence {
  constructor(url, on) {
    Object.assign(this, { url, on, piece: "" });
    document.addEventListener("visibilitychange", () => document.hidden || this.tell());
    addEventListener("pagehide", () => navigator.sendBeacon(`${url}/left`, this.words()));
    this.tell();
  }

  words() {
    const data = new FormData();
    data.set("tab", tab);
    data.set("piece", this.piece);
    data.set("csrf_token", net.currentToken());
    return data;
  }

  at(piece) {
    this.piece = piece;
    this.tell();
  }

  async tell() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), EACH);
    if (document.hidden) return;
    const { trouble, body } = await net.post(this.url, this.words());
    if (!trouble && body.pieces) this.on(body);
  }
}
