// Shows the letter in its frame as somebody chooses, and again each time something was saved, at the place one was
// reading.  Whatever saves says so: document.dispatchEvent(new CustomEvent("mailer:saved")).
// A new frame is loaded behind the one that is seen, and takes its place once it is there: nothing flickers.
const form = document.querySelector("[data-preview]");
const box = document.querySelector(".preview-frame");
let coming = null; // the frame that is being loaded
let again = false; // something was saved meanwhile

function address() {
  return `${form.action.split("?")[0]}?${new URLSearchParams(new FormData(form))}`;
}

function place(frame) {
  const view = frame.contentWindow;
  return view ? { top: view.scrollY, left: view.scrollX } : { top: 0, left: 0 };
}

function show(keepsPlace) {
  if (coming && keepsPlace) {
    again = true;
    return;
  }
  coming?.remove();
  const seen = box.querySelector("iframe:not(.preview-coming)");
  const frame = seen.cloneNode();
  coming = frame;
  frame.classList.add("preview-coming");
  frame.removeAttribute("name");
  frame.src = address();
  frame.addEventListener("load", () => swap(seen, frame, keepsPlace), { once: true });
  box.append(frame);
}

function swap(seen, frame, keepsPlace) {
  if (coming !== frame) return;
  if (keepsPlace) frame.contentWindow?.scrollTo({ ...place(seen), behavior: "instant" });
  const held = document.activeElement === seen;
  frame.classList.remove("preview-coming");
  seen.remove();
  frame.name = "preview";
  if (held) frame.focus();
  coming = null;
  box.dispatchEvent(new CustomEvent("mailer:shown", { bubbles: true }));
  if (again) {
    again = false;
    show(true);
  }
}

if (form && box) {
  form.querySelector("[data-without-script]").hidden = true;
  form.addEventListener("change", () => show(false));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(false);
  });
  document.addEventListener("mailer:saved", () => show(true));
  const chosen = [form.elements.mode.value, form.elements.reader?.value ?? "named"].join();
  if (chosen !== "desktop,named") show(false); // the browser has kept it over a reload
}
