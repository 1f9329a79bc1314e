// What is wider than its place says so, and a picture that is shown smaller than it was drawn opens large.

// A formula, table or code that scrolls fades at the edge where it is cut: custom.css reads data-more, "left", "right" or both.
const scrolling = "div.math > mjx-container, span.math, .bd-article :is(table, pre, .pst-scrollable-table-container)";

// A slanted letter may reach beyond its box, and so may what is read aloud of a formula: nothing is cut there.
function fade(part) {
  const slack = part.tagName === "SPAN" ? 16 : 3;
  const before = part.scrollLeft > 3, after = part.scrollWidth - part.clientWidth - part.scrollLeft > slack;
  part.dataset.more = [before ? "left" : "", after ? "right" : ""].join(" ").trim();
  if (part.tagName === "SPAN" || part.tagName === "PRE") return; // the theme does this for code
  if (part.dataset.more) part.tabIndex = 0; // the arrow keys scroll it, in every browser
  else part.removeAttribute("tabindex");
}

// Without a kernel, a network or a library: a <dialog> with the picture at its full size. Escape closes it.
const large = document.createElement("dialog");
large.className = "large";
large.innerHTML = '<button type="button" aria-label="Close">&times;</button><div><img alt=""></div>';

function open(event) {
  const picture = event.currentTarget;
  if (picture.tabIndex < 0 || (event.type === "keydown" && !["Enter", " "].includes(event.key))) return;
  event.preventDefault();
  const shown = large.querySelector("img");
  shown.src = picture.src;
  shown.alt = picture.alt;
  large.setAttribute("aria-label", "The picture at its full size");
  large.showModal();
}

// Only then is it a button: on a wide screen it stays a picture.
function button(picture) {
  const drawn = picture.naturalWidth || Number(picture.getAttribute("width")); // it may wait until it is near
  const smaller = drawn && picture.clientWidth < 0.9 * drawn;
  if (smaller) {
    picture.setAttribute("role", "button");
    picture.setAttribute("aria-haspopup", "dialog");
  } else {
    picture.removeAttribute("role");
    picture.removeAttribute("aria-haspopup");
  }
  picture.tabIndex = smaller ? 0 : -1;
  picture.closest("p, div, figure")?.classList.toggle("opens", Boolean(smaller));
}

addEventListener("DOMContentLoaded", async () => {
  await window.MathJax?.startup?.promise;
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => fade(entry.target)));
  for (const part of document.querySelectorAll(scrolling)) {
    part.addEventListener("scroll", () => fade(part), { passive: true });
    sizes.observe(part);
    fade(part);
  }
  document.documentElement.dataset.narrow = "ready";
});

// What opens a solution says which: the theme's button says "hidden content" of each.
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".toggle-button")) {
    button.setAttribute("aria-label", button.closest(".admonition-title")?.innerText.trim() || "More");
    button.querySelector("svg")?.setAttribute("aria-hidden", "true");
  }
});

addEventListener("DOMContentLoaded", () => {
  document.body.append(large);
  large.addEventListener("click", (event) => { if (event.target.tagName !== "IMG") large.close(); });
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => button(entry.target)));
  for (const picture of document.querySelectorAll(".bd-article img")) {
    if (picture.closest("a, button")) continue;
    picture.addEventListener("click", open);
    picture.addEventListener("keydown", open);
    picture.addEventListener("load", () => button(picture));
    sizes.observe(picture);
  }
});
