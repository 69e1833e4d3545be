// Keeps the numbers of a leaving issue fresh.  Without it the page works: there is a link to reload it.
const EACH = 1000; // ms between two looks
const AT_MOST = 30000; // after failures
const SPOKEN_EVERY = 25; // per cent: a screen reader is told four times, not each second

function show(panel, news) {
  for (const [state, { count, x, width }] of Object.entries(news.counts)) {
    const rect = panel.querySelector(`[data-bar="${state}"]`);
    rect.setAttribute("x", x);
    rect.setAttribute("width", width);
    const cell = panel.querySelector(`[data-count="${state}"]`);
    if (cell) cell.textContent = count;
  }
  panel.querySelector("[data-percent]").textContent = news.percent;
  panel.querySelector("[data-sentence]").textContent = news.sentence;
}

function speak(panel, news, before) {
  const step = Math.floor(news.percent / SPOKEN_EVERY);
  if (step > before) panel.querySelector("[data-spoken]").textContent = news.sentence;
  return Math.max(step, before);
}

// The issue moved on: its buttons are no longer the right ones.  Take the new ones, keep the keyboard's place.
async function refresh() {
  const answer = await fetch(location.pathname);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of document.querySelectorAll("[data-region]")) {
    const update = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
    if (!update) return location.reload();
    const held = region.contains(document.activeElement);
    region.replaceWith(document.adoptNode(update));
    if (held) update.querySelector("[tabindex]")?.focus();
  }
  watch();
}

function watch() {
  const panel = document.querySelector("[data-progress][data-live]");
  if (!panel) return;
  let wait = EACH;
  let spoken = 0;
  panel.querySelector("[data-reload]").hidden = true;

  async function look() {
    if (document.hidden) return setTimeout(look, EACH);
    try {
      const answer = await fetch(panel.dataset.progress, { redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      if (news.state !== panel.dataset.state) return refresh();
      show(panel, news);
      spoken = speak(panel, news, spoken);
      wait = EACH;
      if (!news.live) return;
    } catch {
      wait = Math.min(2 * wait, AT_MOST);
      panel.querySelector("[data-reload]").hidden = false;
    }
    setTimeout(look, wait);
  }
  setTimeout(look, EACH);
}

watch();
