// Light or dark as the reader chose here before; without a choice the system's preference holds. Runs before the first
// paint, so that nothing flashes.
(() => {
  try {
    const chosen = localStorage.getItem("manifold-theme");
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage is switched off: the system's preference holds.
  }
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button || document.documentElement.classList.contains("viewer")) return;
    const root = document.documentElement;
    const dark = () =>
      root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const name = () => (button.textContent = dark() ? button.dataset.light : button.dataset.dark);
    button.hidden = false;
    name();
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try {
        localStorage.setItem("manifold-theme", root.dataset.theme);
      } catch {
        // Not kept for the next page, which is all that is lost.
      }
      name();
    });
  });
})();
