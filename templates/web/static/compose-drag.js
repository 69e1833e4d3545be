// Moves a block by its number, dragged with a mouse: an extra to the buttons, which say where it went.
export function allowDragging(list) {
  let held = null;

  const end = () => {
    if (held) held.draggable = false;
    held = null;
    mark(null);
  };

  const mark = (line, isAfter) => {
    for (const each of list.children) each.classList.remove("piece-before", "piece-after");
    line?.classList.add(isAfter ? "piece-after" : "piece-before");
  };

  // Where it would go: before or after which line.
  const target = (event) => {
    const line = event.target.closest("[data-pieces] > li");
    if (!line || !held) return null;
    const { top, height } = line.getBoundingClientRect();
    return { line, isAfter: event.clientY > top + height / 2 };
  };

  list.addEventListener("pointerdown", (event) => {
    const line = event.target.closest(".piece-place")?.closest("[data-pieces] > li");
    if (line) line.draggable = true;
  });
  list.addEventListener("pointerup", () => held || list.querySelectorAll("[draggable]").forEach((line) => (line.draggable = false)));
  list.addEventListener("dragstart", (event) => {
    held = event.target.closest("[data-pieces] > li[draggable='true']");
    if (held) event.dataTransfer.effectAllowed = "move";
  });
  list.addEventListener("dragover", (event) => {
    const to = target(event);
    if (!to) return;
    event.preventDefault();
    mark(to.line, to.isAfter);
  });
  list.addEventListener("drop", (event) => {
    const to = target(event);
    if (!to) return;
    event.preventDefault();
    const others = [...list.children].filter((line) => line !== held);
    const form = held.querySelector(".piece-move");
    const place = others.indexOf(to.line) + (to.isAfter ? 2 : 1);
    if (to.line !== held) {
      form.elements.place.value = String(place);
      form.requestSubmit();
    }
    end();
  });
  list.addEventListener("dragend", end);
}
