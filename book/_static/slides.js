// Shows one slide at a time: arrow keys, space, page keys, Home and End, the buttons, a swipe; the address keeps the place.
(() => {
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const slides = [...document.querySelectorAll("main > section")];
  const place = document.getElementById("place");
  const clamp = (n) => Math.min(Math.max(n, 0), slides.length - 1);
  let now = clamp((parseInt(location.hash.slice(1), 10) || 1) - 1);
  const show = (n) => {
    slides[now].classList.remove("now");
    now = clamp(n);
    slides[now].classList.add("now");
    place.textContent = `${now + 1} / ${slides.length}`;
    history.replaceState(null, "", `#${now + 1}`);
    window.scrollTo(0, 0);
  };
  const keys = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1, Home: -Infinity, End: Infinity };
  document.addEventListener("keydown", (event) => {
    if (event.key in keys && !(event.key === " " && event.target.tagName === "BUTTON")) {
      event.preventDefault();
      show(now + keys[event.key]);
    }
  });
  document.getElementById("back").addEventListener("click", () => show(now - 1));
  document.getElementById("on").addEventListener("click", () => show(now + 1));
  window.addEventListener("hashchange", () => show((parseInt(location.hash.slice(1), 10) || 1) - 1));
  let from = null;
  document.addEventListener("touchstart", (event) => { from = event.touches[0].clientX; }, { passive: true });
  document.addEventListener("touchend", (event) => {
    const way = event.changedTouches[0].clientX - from;
    if (Math.abs(way) > 60) show(now - Math.sign(way));
  });
  show(now);
})();
