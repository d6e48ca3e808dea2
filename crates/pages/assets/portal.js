// What lists and reports gain from a script; they work without it.

// Numbers of images arrive in their place: the buttons have their width already.
async function fillCounts() {
  const places = [...document.querySelectorAll("[data-count]")];
  const next = async () => {
    for (let place = places.shift(); place; place = places.shift()) {
      try {
        const answer = await fetch(place.dataset.count, { headers: { accept: "application/json" } });
        if (!answer.ok) continue;
        const { words } = await answer.json();
        if (words) place.textContent = place.dataset.words ? place.dataset.words.replace("{images}", words) : words;
      } catch {
        // The button works without the number.
      }
    }
  };
  await Promise.all([next(), next(), next(), next()]);
}

// A filter that is chosen is applied; the button stays for everybody else.
function filterAtOnce() {
  const form = document.getElementById("filter");
  if (!form) return;
  for (const select of form.querySelectorAll("select")) {
    // Only for the mouse: with the keyboard each step through the list would leave the page.
    let byMouse = false;
    select.addEventListener("pointerdown", () => (byMouse = true));
    select.addEventListener("keydown", () => (byMouse = false));
    select.addEventListener("change", () => byMouse && form.requestSubmit());
  }
  // An address without empty parameters can be read out.
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
}

function copyButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    if (!source || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = button.dataset.done;
    });
  }
}

filterAtOnce();
copyButtons();
fillCounts();
