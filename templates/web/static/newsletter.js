// Refreshes the sample beside a newsletter's settings while they are typed, and offers a colour picker beside
// each colour.  Without it the page works: there is a button, and a colour is written.
const QUIET = 400; // ms without a change

const form = document.querySelector("form[data-sample]");
const refresh = document.querySelector("#refresh");
let timer = 0;

function later() {
  clearTimeout(timer);
  timer = setTimeout(() => form.requestSubmit(refresh), QUIET);
}

function offerPicker(field) {
  const picker = document.createElement("input");
  const row = document.createElement("div");
  picker.type = "color";
  picker.className = "colour-picker";
  picker.value = field.dataset.now;
  picker.setAttribute("aria-label", field.dataset.colour);
  const follow = () => {
    if (/^#[0-9a-f]{6}$/i.test(field.value)) picker.value = field.value.toLowerCase();
  };
  picker.addEventListener("input", () => {
    field.value = picker.value;
    later();
  });
  field.addEventListener("input", follow);
  row.className = "colour";
  field.replaceWith(row);
  row.append(field, picker);
  follow();
}

form.querySelectorAll("[data-colour]").forEach(offerPicker);
form.addEventListener("input", later);
document.querySelectorAll("[name=scheme]").forEach((choice) => choice.addEventListener("change", later));
refresh.hidden = true;
