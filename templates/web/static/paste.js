// Turns what was copied from Word, LibreOffice, Outlook or a web page into the few constructs of a letter's text: bold,
// italics, links, lists, paragraphs.  Headings become bold lines, and tables lists.  Pure: HTML in, Markdown out.

const BLOCK = new Set(
  ("ADDRESS ARTICLE ASIDE BLOCKQUOTE BODY CAPTION CENTER DD DETAILS DIV DL DT FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 H4 " +
    "H5 H6 HEADER HR LI MAIN NAV OL P PRE SECTION SUMMARY TABLE TBODY TD TFOOT TH THEAD TR UL").split(" "),
);
const SKIPPED = new Set(
  ("AUDIO BUTTON CANVAS EMBED HEAD IFRAME IMG INPUT LINK META NOSCRIPT OBJECT PICTURE SCRIPT SELECT STYLE SVG TEMPLATE " +
    "TEXTAREA TITLE VIDEO XML").split(" "),
);
const BULLET = /^[\s\u00a0]*[·•◦▪▫■□●○◆➢➤✓✔§oü\uf000-\uf0ff–—*-][\s\u00a0]*$/u;
const NUMBER = /^[\s\u00a0]*(\d+|[a-z]|[ivx]+)[.)°][\s\u00a0]*$/iu;
const WORD = /[\p{L}\p{N}]/u;
const SPACE = /\s/u;
const LINK = /^(https?:\/\/|mailto:|tel:)/i;

// Return the Markdown of some HTML, "" where it holds no words.
export function toMarkdown(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const blocks = blocksOf(page.body, { bold: false, italic: false, href: "" });
  return written(blocks);
}

// Return whether a piece of HTML has more than its words: only then is it worth converting.
export function isRich(html) {
  return /<(p|div|br|b|strong|i|em|a|ul|ol|li|h[1-6]|table|span|font)\b/i.test(html);
}

// -- Blocks: {type: "text" | "item", runs, level, ordered} ------------------------------------

function blocksOf(node, style) {
  const blocks = [];
  let runs = [];
  const flush = () => {
    for (const line of paragraphs(runs)) blocks.push({ type: "text", runs: line });
    runs = [];
  };
  for (const child of node.childNodes) {
    if (isIgnored(child)) continue;
    if (child.nodeType === Node.ELEMENT_NODE && holdsBlocks(child)) {
      flush();
      blocks.push(...blockOf(child, style));
    } else {
      runs.push(...runsOf(child, style));
    }
  }
  flush();
  return blocks;
}

function blockOf(element, style) {
  const name = element.tagName;
  if (name === "UL" || name === "OL") return itemsOf(element, style, 0);
  if (name === "TABLE") return tableOf(element, style);
  const listed = wordItem(element, style);
  if (listed) return [listed];
  const blocks = blocksOf(element, styled(element, style));
  return /^H[1-6]$/.test(name) ? blocks.map((block) => (block.type === "text" ? bold(block) : block)) : blocks;
}

const bold = (block) => ({ ...block, runs: block.runs.map((run) => ({ ...run, bold: true, italic: false })) });

function itemsOf(list, style, level) {
  const blocks = [];
  const ordered = list.tagName === "OL";
  for (const child of list.children) {
    if (child.tagName === "UL" || child.tagName === "OL") {
      blocks.push(...itemsOf(child, style, level + 1));
    } else if (!isIgnored(child)) {
      blocks.push(...itemOf(child, style, level, ordered));
    }
  }
  return blocks;
}

function itemOf(item, style, level, ordered) {
  const inside = styled(item, style);
  const own = item.cloneNode(true);
  const lists = [...own.querySelectorAll(":scope > ul, :scope > ol, :scope > * > ul, :scope > * > ol")];
  for (const list of lists) list.remove();
  const runs = blocksOf(own, inside).flatMap((block, at) => (at ? [space(), ...block.runs] : block.runs));
  const nested = lists.flatMap((list) => itemsOf(list, inside, level + 1));
  return runs.length ? [{ type: "item", runs, level, ordered }, ...nested] : nested;
}

const space = () => ({ text: " ", bold: false, italic: false, href: "" });

// A paragraph that Word shows as an item of a list: its mark stands in a span of its own.
function wordItem(element, style) {
  const css = element.getAttribute("style") ?? "";
  const list = /mso-list:\s*l\d+\s+level(\d)/i.exec(css);
  const mark = element.querySelector('[style*="mso-list:Ignore" i], [style*="mso-list: Ignore" i]');
  if (!list && !mark) return null;
  const own = element.cloneNode(true);
  const found = own.querySelector('[style*="mso-list:Ignore" i], [style*="mso-list: Ignore" i]');
  const ordered = NUMBER.test(found?.textContent ?? "") && !BULLET.test(found?.textContent ?? "");
  found?.remove();
  const runs = blocksOf(own, styled(element, style)).flatMap((block) => block.runs);
  if (!runs.length) return null;
  return { type: "item", runs, level: Number(list?.[1] ?? 1) - 1, ordered };
}

// A table of one column, or one that holds a page together, is what it holds; of any other each row is an item.
function tableOf(table, style) {
  const rows = [...table.rows].filter((row) => row.closest("table") === table);
  const laid = rows.every((row) => row.cells.length < 2) || table.querySelector("table, ul, ol, h1, h2, h3");
  if (laid) return rows.flatMap((row) => [...row.cells].flatMap((cell) => blocksOf(cell, styled(cell, style))));
  const texts = rows.map((row) => [...row.cells].map((cell) => cellOf(cell, style)));
  const headed = texts.length > 1 && [...rows[0].cells].every((cell) => cell.tagName === "TH");
  const heads = headed ? texts.shift() : [];
  return texts.map((cells) => ({ type: "item", level: 0, ordered: false, runs: rowOf(cells, heads) })).filter(hasWords);
}

const cellOf = (cell, style) =>
  blocksOf(cell, styled(cell, style)).flatMap((block, at) => (at ? [space(), ...block.runs] : block.runs));

function rowOf(cells, heads) {
  const plain = (text) => ({ ...space(), text });
  return cells.flatMap((runs, at) => {
    if (!runs.length) return [];
    const head = heads[at]?.length ? [...heads[at], plain("\u00a0: ")] : [];
    return [...(at ? [plain(heads.length ? "\u00a0; " : " – ")] : []), ...head, ...runs];
  });
}

const hasWords = (block) => block.runs.some((run) => run.text.trim());

// -- Runs: {text, bold, italic, href} ----------------------------------------------------------

function runsOf(node, style) {
  if (node.nodeType === Node.TEXT_NODE) return [{ ...style, text: node.data.replace(/[ \t\r\n\f]+/g, " ") }];
  if (node.nodeType !== Node.ELEMENT_NODE || isIgnored(node)) return [];
  if (node.tagName === "BR") return [{ ...style, text: "\n" }];
  const inside = styled(node, style);
  return [...node.childNodes].flatMap((child) => runsOf(child, inside));
}

function styled(element, style) {
  const own = element.style;
  const { tagName: name } = element;
  const weight = own.fontWeight;
  const next = { ...style };
  if (name === "B" || name === "STRONG" || name === "TH") next.bold = name !== "TH" || style.bold;
  if (weight) next.bold = weight === "bold" || weight === "bolder" || Number(weight) >= 600;
  if (name === "I" || name === "EM" || name === "CITE") next.italic = true;
  if (own.fontStyle) next.italic = own.fontStyle === "italic" || own.fontStyle === "oblique";
  if (name === "A") next.href = address(element.getAttribute("href"));
  return next;
}

// The address itself, out of the wrapping that mail programs and search engines put around it; "" if it leads nowhere.
function address(href) {
  const text = (href ?? "").trim();
  if (!LINK.test(text)) return "";
  try {
    const url = new URL(text);
    const wrapped =
      (url.hostname.endsWith(".safelinks.protection.outlook.com") && url.searchParams.get("url")) ||
      (/^www\.google\.[a-z.]+$/.test(url.hostname) && url.pathname === "/url" && (url.searchParams.get("q") || url.searchParams.get("url")));
    return wrapped && LINK.test(wrapped) ? wrapped : text;
  } catch {
    return "";
  }
}

function isIgnored(node) {
  if (node.nodeType === Node.COMMENT_NODE) return true;
  if (node.nodeType !== Node.ELEMENT_NODE) return false;
  const css = node.getAttribute("style") ?? "";
  return (
    SKIPPED.has(node.tagName.toUpperCase()) ||
    /^(o|w|v|m|st1):/i.test(node.tagName) ||
    /display:\s*none|mso-hide:\s*all/i.test(css) ||
    node.hidden
  );
}

const holdsBlocks = (element) =>
  BLOCK.has(element.tagName) || [...element.children].some((child) => !isIgnored(child) && holdsBlocks(child));

// Cut runs where an empty line stands: two line breaks part paragraphs.
function paragraphs(runs) {
  const lines = [[]];
  let breaks = 0;
  for (const run of runs) {
    if (run.text === "\n") {
      breaks += 1;
      continue;
    }
    if (!run.text.trim() && breaks) continue;
    if (breaks > 1) lines.push([]);
    else if (breaks && lines.at(-1).length) lines.at(-1).push({ ...space(), text: "\n" });
    breaks = 0;
    lines.at(-1).push(run);
  }
  return lines.filter((line) => line.some((run) => run.text.trim()));
}

// -- Writing -------------------------------------------------------------------------------------

function written(blocks) {
  const out = [];
  const counts = [];
  let before = null;
  for (const block of blocks) {
    const text = line(block.runs);
    if (!text) continue;
    if (block.type === "item") {
      counts.length = block.level + 1;
      counts[block.level] = (counts[block.level] ?? 0) + 1;
      const level = before?.type === "item" ? Math.min(block.level, (before.shown ?? 0) + 1) : 0;
      const indent = indentOf(out, level, before);
      const mark = block.ordered ? `${counts[block.level]}. ` : "- ";
      const hung = text.replaceAll("\n", `\n${indent}${" ".repeat(mark.length)}`);
      out.push({ close: before?.type === "item", text: `${indent}${mark}${hung}`, width: indent.length + mark.length, level });
      before = { type: "item", shown: level };
    } else {
      counts.length = 0;
      out.push({ close: false, text, width: 0, level: -1 });
      before = { type: "text" };
    }
  }
  return out.map(({ close, text }, at) => (at ? (close ? "\n" : "\n\n") : "") + text).join("");
}

// As far as the words of the item that this one is in.
function indentOf(out, level) {
  if (!level) return "";
  const parent = out.findLast((each) => each.level === level - 1);
  return " ".repeat(parent?.width ?? 2 * level);
}

function line(runs) {
  const joined = trimmed(merged(runs));
  const links = [];
  for (const run of joined) {
    if (links.length && links.at(-1).href === run.href) links.at(-1).runs.push(run);
    else links.push({ href: run.href, runs: [run] });
  }
  const text = links.map(({ href, runs: inside }) => (href ? linked(href, inside) : marked(inside))).join("");
  return text
    .split("\n")
    .map((each) => each.trim())
    .filter(Boolean)
    .map(safeStart)
    .join("\\\n");
}

function merged(runs) {
  const out = [];
  for (const run of runs) {
    const last = out.at(-1);
    if (last && last.bold === run.bold && last.italic === run.italic && last.href === run.href) last.text += run.text;
    else out.push({ ...run });
  }
  return out.filter((run) => run.text);
}

// Spaces stand once, and none at either end; a run of spaces alone has no style.
function trimmed(runs) {
  let before = " ";
  for (const run of runs) {
    run.text = run.text.replace(/[ \u00a0\u202f]*\n[ \u00a0\u202f]*/g, "\n").replace(/ +/g, " ");
    if (SPACE.test(before) && run.text.startsWith(" ")) run.text = run.text.slice(1);
    if (!run.text.trim() && !run.href) run.bold = run.italic = false;
    before = run.text.at(-1) ?? before;
  }
  return merged(runs);
}

function linked(href, runs) {
  const words = runs.map((run) => run.text).join("");
  const [, before, core, after] = /^(\s*)(.*?)(\s*)$/su.exec(words);
  if (!core) return words;
  if (core === href || `mailto:${core}` === href) return `${before}<${core}>${after}`;
  const whole = href.replace(/[\s<>\\]/g, encodeURIComponent);
  const spelled = isBalanced(whole) ? whole : whole.replaceAll("(", "%28").replaceAll(")", "%29");
  return `${before}[${marked(stripped(runs)).replaceAll("\n", " ")}](${spelled})${after}`;
}

function isBalanced(text) {
  let depth = 0;
  for (const sign of text) {
    depth += { "(": 1, ")": -1 }[sign] ?? 0;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function stripped(runs) {
  const kept = runs.map((run) => ({ ...run }));
  kept[0].text = kept[0].text.trimStart();
  kept[kept.length - 1].text = kept.at(-1).text.trimEnd();
  return kept.filter((run) => run.text);
}

// Bold around, italics within: what touches is written with one pair of marks.
function marked(runs) {
  return grouped(runs, "bold")
    .map(({ on, runs: inside }, at, all) => emphasised("**", on, italics(inside), all, at))
    .join("");
}

function italics(runs) {
  return grouped(runs, "italic")
    .map(({ on, runs: inside }, at, all) => emphasised("*", on, inside.map((run) => escaped(run.text)).join(""), all, at))
    .join("");
}

function grouped(runs, name) {
  const out = [];
  for (const run of runs) {
    if (out.length && out.at(-1).on === run[name]) out.at(-1).runs.push(run);
    else out.push({ on: run[name], runs: [run] });
  }
  return out;
}

// Spaces go outside of the marks, and so does a sign that touches a word there: the marks would be read as stars.
function emphasised(mark, on, text, all, at) {
  if (!on) return text;
  const neighbour = (group, end) => (group ? group.runs.map((run) => run.text).join("").at(end) ?? " " : " ");
  const beforeIsWord = WORD.test(neighbour(all[at - 1], -1));
  const afterIsWord = WORD.test(neighbour(all[at + 1], 0));
  const lead = beforeIsWord ? /^[^\p{L}\p{N}*]+/u : /^\s+/u;
  const tail = afterIsWord ? /[^\p{L}\p{N}*]+$/u : /\s+$/u;
  const first = lead.exec(text)?.[0] ?? "";
  const rest = text.slice(first.length);
  const last = tail.exec(rest)?.[0] ?? "";
  const core = rest.slice(0, rest.length - last.length);
  if (!core) return text;
  const within = core.split("\n").map((each) => (each.trim() ? `${mark}${each}${mark}` : each)).join("\n");
  return `${first}${within}${last}`;
}

// What Markdown would read as a mark is written as the sign it is.
function escaped(text) {
  return text
    .replace(/\\(?=[!-/:-@[-`{-~])/g, "\\\\")
    .replace(/\*/g, "\\*")
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
    .replace(/`/g, "\\`")
    .replace(/~~/g, "\\~~")
    .replace(/<(?=[a-z/!?])/gi, "\\<")
    .replace(/\[(?=[^\]\n]*\][([:])/g, "\\[")
    .replace(/&(?=#?\w+;)/g, "\\&");
}

function safeStart(text) {
  return text
    .replace(/^(#{1,6})(?=\s|$)/, "\\$1")
    .replace(/^([+>])/, "\\$1")
    .replace(/^(-{3,}|={3,}|_{3,})\s*$/, "\\$1")
    .replace(/^[–—•·▪]\s+/, "- ");
}
