// On paper nothing can be unfolded: code is, while it is printed. Solutions stay as the reader has them.
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details.code-fold:not([open])")) {
    fold.open = true;
    addEventListener("afterprint", () => { fold.open = false; }, { once: true });
  }
});
