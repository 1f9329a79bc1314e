// The two figures of the page "Probability in ten minutes": surprise, and a Gaussian conditioned. Each is a function of
// its sliders that returns what it measured, in nats, and its drawing; tests read the first, pages show both.
(function () {
  "use strict";
  const COLOR = { data: "#1B79C4", theta: "#C8510A", eta: "#08875F", prior: "#767676" };
  const paint = who => who === "ink" ? "var(--ref-ink, #33373D)" : `var(--obj-${who}, ${COLOR[who]})`;
  const at = value => (Math.round(10 * value) / 10).toString();
  const said = (value, digits = 2) => value.toFixed(digits).replace("-", "\u2212").replace(/^\u2212(0\.0+)$/, "$1");
  const text = (x, y, words, more = "") => `<text x="${at(x)}" y="${at(y)}" style="fill:${paint("ink")}" ${more}>${words}</text>`;
  const line = (points, who, more = "") =>
    `<path d="M${points.map(p => p.map(at).join(" ")).join("L")}" style="fill:none;stroke:${paint(who)}" ${more}/>`;
  const box = (x, y, width, height, style) =>
    `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" style="${style}"/>`;
  const sum = values => values.reduce((a, b) => a + b, 0);

  // -- surprise: four outcomes, of which p is the truth and q the belief ----------------------------------------

  function surprise({ uneven, wrong }) {
    const raw = [0, 1, 2, 3].map(i => Math.exp(-uneven * i)), p = raw.map(v => v / sum(raw));
    const q = p.map((v, i) => (1 - wrong) * v + wrong * p[3 - i]);
    const mean = (a, b) => sum(a.map((v, i) => -v * Math.log(b[i])));
    const entropy = mean(p, p), cross = mean(p, q);
    return { p, q, entropy, cross, kl: cross - entropy, other: mean(q, p) - mean(q, q) };
  }

  function drawSurprise(settings) {
    const { p, q, entropy, cross, kl, other } = surprise(settings);
    const left = 34, wide = 316, floor = 196, unit = 38, level = v => floor + unit * Math.log(v);
    let drawn = "", x = left;
    for (const nats of [0, 1, 2, 3, 4]) {
      const y = floor - unit * nats;
      drawn += line([[left, y], [left + wide, y]], "ink", 'stroke-width="0.5" opacity="0.3"');
      drawn += text(left - 6, y + 4, nats, 'text-anchor="end"');
    }
    p.forEach((share, i) => {
      const w = share * wide, truth = level(share), belief = level(q[i]);
      drawn += box(x, truth, w, floor - truth, `fill:${paint("data")};fill-opacity:.3`);
      drawn += belief < truth
        ? box(x, belief, w, truth - belief, `fill:${paint("theta")};fill-opacity:.55`)
        : box(x, truth, w, belief - truth, `fill:var(--ref-paper, #FCFCFA);fill-opacity:.75`);
      drawn += line([[x, truth], [x + w, truth]], "data", 'stroke-width="2"');
      drawn += line([[x, belief], [x + w, belief]], "theta", 'stroke-width="2" stroke-dasharray="5 3"');
      if (w > 11) drawn += text(x + w / 2, floor + 14, "ABCD"[i], 'text-anchor="middle"');
      x += w;
      if (i < 3) drawn += line([[x, floor], [x, Math.min(truth, belief)]], "ink", 'stroke-width="0.7" opacity="0.5"');
    });
    drawn += text(left, 14, "surprise, nats") + text(left + wide, floor + 28, "width of a bar: how often it happens", 'text-anchor="end"');
    drawn += line([[214, 10], [236, 10]], "data", 'stroke-width="2"') + text(242, 14, "\u2212log p, the truth");
    drawn += line([[214, 26], [236, 26]], "theta", 'stroke-width="2" stroke-dasharray="5 3"') + text(242, 30, "\u2212log q, the belief");
    const told = `Entropy H(p) ${said(entropy)} + KL(p\u2016q) ${said(kl)} = cross-entropy ${said(cross)} nats. The other way, KL(q\u2016p) is ${said(other)}.`;
    return { drawn, told, height: 230 };
  }

  // -- a Gaussian conditioned: x and z with means 0, standard deviations 1 and a correlation ---------------------

  function conditioned({ rho, x }) {
    return { mean: rho * x, std: Math.sqrt(1 - rho * rho) };
  }

  function drawConditioned(settings) {
    const { rho, x } = settings, { mean, std } = conditioned(settings);
    const side = 210, unit = side / 6, cx = 20 + side / 2, cy = 8 + side / 2;
    const px = v => cx + unit * v, pz = v => cy - unit * v;
    let drawn = box(20, 8, side, side, `fill:none;stroke:${paint("ink")};stroke-width:.6;stroke-opacity:.5`);
    for (const radius of [0.75, 1.5, 2.25]) {
      const ring = Array.from({ length: 73 }, (_, k) => k * Math.PI / 36).map(t =>
        [px(radius * Math.cos(t)), pz(radius * (rho * Math.cos(t) + std * Math.sin(t)))]);
      drawn += line(ring, "ink", 'stroke-width="1.1" opacity="0.65"');
    }
    drawn += line([[px(x), pz(-3)], [px(x), pz(3)]], "data", 'stroke-width="2"');
    drawn += `<circle cx="${at(px(x))}" cy="${at(pz(mean))}" r="4" style="fill:${paint("eta")}"/>`;
    const bell = (m, s, who, more) => line(Array.from({ length: 121 }, (_, k) => -3 + k / 20).map(z =>
      [244 + 39 * Math.exp(-0.5 * ((z - m) / s) ** 2) / s, pz(z)]), who, more);
    drawn += line([[244, pz(-3)], [244, pz(3)]], "ink", 'stroke-width="0.6" opacity="0.5"');
    drawn += bell(0, 1, "prior", 'stroke-width="2" stroke-dasharray="8 3"');
    drawn += bell(mean, std, "eta", 'stroke-width="2" stroke-dasharray="7 2 2 2"');
    drawn += text(cx, 231, "x", 'text-anchor="middle" font-style="italic"') + text(10, cy, "z", 'text-anchor="middle" font-style="italic"');
    drawn += text(244, 231, `<tspan style="fill:${paint("prior")}">p(z)</tspan> and <tspan style="fill:${paint("eta")}">p(z|x)</tspan>`);
    const told = `Seen: x = ${said(x, 1)}. Before, z was 0 \u00b1 1; now it is ${said(mean)} \u00b1 ${said(std)}.`;
    return { drawn, told, height: 236 };
  }

  const FIGURES = { surprise: drawSurprise, conditioned: drawConditioned };
  const STARTS = { surprise: { uneven: 0.7, wrong: 0.35 }, conditioned: { rho: 0.8, x: 1.5 } };

  function start(root) {
    const name = root.dataset.figure, sliders = [...root.querySelectorAll("input")];
    const show = () => {
      const { drawn, told } = FIGURES[name](Object.fromEntries(sliders.map(s => [s.name, Number(s.value)])));
      root.querySelector("svg").innerHTML = drawn;
      root.querySelector(".told").textContent = told;
    };
    for (const slider of sliders) slider.addEventListener("input", show);
    root.classList.add("live");
    show();
  }

  if (typeof module !== "undefined") module.exports = { surprise, conditioned, FIGURES, STARTS };
  if (typeof document !== "undefined") document.querySelectorAll(".refresher").forEach(start);
})();
