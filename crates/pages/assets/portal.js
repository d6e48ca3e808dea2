// What lists and reports gain from a script; they work without it.

// Numbers of images arrive in their place: the buttons have their width already.
// Only those that come into sight are asked for, four at a time.
function fillCounts() {
  const waiting = [];
  let busy = 0;
  const next = async () => {
    busy += 1;
    for (let place = waiting.shift(); place; place = waiting.shift()) {
      try {
        const answer = await fetch(place.dataset.count, { headers: { accept: "application/json" } });
        if (!answer.ok) continue;
        const { words } = await answer.json();
        if (words) place.textContent = place.dataset.words ? place.dataset.words.replace("{images}", words) : words;
      } catch {
        // The button works without the number.
      }
    }
    busy -= 1;
  };
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        waiting.push(target);
        if (busy < 4) next();
      }
    },
    { rootMargin: "400px" },
  );
  for (const place of document.querySelectorAll("[data-count]")) seen.observe(place);
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
