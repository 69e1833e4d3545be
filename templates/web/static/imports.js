// Keeps the numbers of an import fresh.  Without it the page works: there is a link to reload it.
const EACH = 1000; // ms between two looks
const AT_MOST = 30000; // after failures

function watchImport(panel) {
  let wait = EACH;
  panel.querySelector("[data-reload]").hidden = true;

  async function look() {
    if (document.hidden) return setTimeout(look, EACH);
    try {
      const answer = await fetch(panel.dataset.import, { redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      if (news.state !== panel.dataset.state) return location.reload();
      panel.querySelector("[data-bar]").value = news.done;
      panel.querySelector("[data-sentence]").textContent = news.sentence;
      for (const cell of panel.querySelectorAll("[data-count]")) cell.textContent = news[cell.dataset.count];
      wait = EACH;
    } catch {
      wait = Math.min(2 * wait, AT_MOST);
      panel.querySelector("[data-reload]").hidden = false;
    }
    setTimeout(look, wait);
  }
  setTimeout(look, EACH);
}

const panel = document.querySelector("[data-import][data-live]");
if (panel) watchImport(panel);
