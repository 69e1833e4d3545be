// Says that new messages have come; it is for the reader to look.  Without it, one reloads the page.
"use strict";

const news = document.querySelector("[data-count]");

async function look(known) {
  try {
    const count = await (await fetch(news.dataset.count)).json();
    if (count > known) return (news.firstElementChild.hidden = false);
  } catch {
    // the mailbox has stopped, or is about to come back
  }
  setTimeout(look, 2000, known);
}

if (news && !news.dataset.words) {
  fetch(news.dataset.count).then(async (answer) => look(await answer.json()));
}
