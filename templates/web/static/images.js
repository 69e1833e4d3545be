// Takes a picture that is dropped or pasted into the field for its file, shows it at once, and shows a crop as it is chosen.
// Without it the pages work: one chooses a file, and there is a button to see the result.
const HEAVIEST = 10_000_000; // bytes, as the server takes them
const TAKES = /^image\/(png|jpeg|webp|gif)$/;
const PAUSE = 250; // ms after the last change of a crop

const input = (frame) => frame.querySelector('input[type="file"]');

// A canvas, since the page's policy lets it load no picture of its own making.
async function show(frame, file) {
  frame.querySelector("canvas")?.remove();
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return; // the server will say what is wrong with it
  }
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, 640 / picture.width);
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.className = "picture-preview";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", file.name);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  frame.querySelector("[data-picture-status]").after(canvas);
}

function taken(frame) {
  const status = frame.querySelector("[data-picture-status]");
  const file = input(frame).files[0];
  if (!file) {
    frame.querySelector("canvas")?.remove();
    status.textContent = "";
    return;
  }
  if (file.size > HEAVIEST) {
    input(frame).value = "";
    frame.querySelector("canvas")?.remove();
    status.textContent = frame.dataset.heavy;
    return;
  }
  status.textContent = frame.dataset.taken.replace("{name}", file.name);
  show(frame, file);
}

// Puts it into the very field that a person would use: whatever reads the form finds it there.
function give(frame, file) {
  const files = new DataTransfer();
  files.items.add(file);
  input(frame).files = files.files;
  input(frame).dispatchEvent(new Event("change", { bubbles: true }));
}

const first = (data) => [...(data?.files ?? [])].find((file) => TAKES.test(file.type));

// The frames may come later, with a form that a script opens: so the page listens, not each of them.
const frameOf = (event) => event.target.closest?.("[data-picture]");

document.addEventListener("change", (event) => {
  if (event.target.type === "file" && frameOf(event)) taken(frameOf(event));
}, true);
document.addEventListener("dragover", (event) => {
  if (!frameOf(event) || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  frameOf(event).classList.add("picture-over");
});
document.addEventListener("dragleave", (event) => frameOf(event)?.classList.remove("picture-over"));
document.addEventListener("drop", (event) => {
  const file = first(event.dataTransfer) ?? event.dataTransfer?.files[0];
  if (!frameOf(event) || !file) return;
  event.preventDefault();
  frameOf(event).classList.remove("picture-over");
  give(frameOf(event), file); // of whatever kind: the server says what it is
});

// The buttons that lead to another page save the form as a browser does, whoever else saves it by script.
document.addEventListener("submit", (event) => {
  if (/^(library|crop)\./.test(event.submitter?.value)) event.stopImmediatePropagation();
}, true);

// Into the frame one is in, or the only one there is; words that come with a picture are for the text field.
function paste(event) {
  const file = first(event.clipboardData);
  if (!file || event.clipboardData.getData("text/plain")) return;
  const frames = document.querySelectorAll("[data-picture]");
  const frame = event.target.closest?.("[data-picture]") ?? (frames.length === 1 ? frames[0] : null);
  if (!frame) return;
  event.preventDefault();
  const unfolded = frame.closest("details");
  if (unfolded) unfolded.open = true;
  give(frame, file);
}

function watchCrop(form) {
  const result = document.querySelector("[data-crop-result]");
  let waiting;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const chosen = new URLSearchParams(new FormData(form));
      chosen.delete("csrf_token");
      result.src = `${form.dataset.crop}?${chosen}`;
    }, PAUSE);
  });
}

document.addEventListener("paste", paste);
const cropped = document.querySelector("form[data-crop]");
if (cropped) watchCrop(cropped);
