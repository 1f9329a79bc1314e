"""Both sides of Lemma 1, to move (chapter 07)."""

from html import escape

from .page import PAGE_CSS, SLIDER_SCRIPT, Figure, page, slider_html

__all__ = ["LEMMA_MATHS", "lemma_1"]

#: Every term of ``lemmas.GeneratorStep.sides`` for one world, by the trapezoid rule of ``exact.line(-30, 30, 1201)``.
LEMMA_MATHS = """
const lemma = (() => {
  const n = 1201, h = 0.05, X = Array.from({length: n}, (_, i) => -30 + h * i), half = Math.log(0.5);
  const start = [0.3, Math.log(1.6)];  // the generator at theta_0: mean and log width
  const softplus = r => Math.max(r, 0) + Math.log1p(Math.exp(-Math.abs(r)));
  const plus = (a, b) => a + softplus(b - a);  // log(e^a + e^b)
  const logNormal = (x, m, l) => -0.5 * Math.log(2 * Math.PI) - l - 0.5 * ((x - m) * Math.exp(-l)) ** 2;
  const generator = v => X.map(x => logNormal(x, v[0], v[1]));
  // The world, and what is frozen in a step: the mixture at theta_0, the discriminator, the two posteriors.
  const freeze = (weight, sharpness, shift) => {
    const d = X.map(x => plus(Math.log(weight) + logNormal(x, -2, Math.log(0.7)),
                              Math.log1p(-weight) + logNormal(x, 2.5, 0)));
    const g = generator(start), m = g.map((v, i) => half + plus(v, d[i]));
    const logit = d.map((v, i) => sharpness * (v - g[i]) + shift);
    const answers = [logit.map(t => -softplus(-t)), logit.map(t => -softplus(t))];  // log D, log(1 - D)
    const logZ = answers.map(a => Math.log(h * a.reduce((sum, v, i) => sum + Math.exp(v + m[i]), 0)));
    const posterior = answers.map((a, y) => a.map((v, i) => v + m[i] - logZ[y]));
    return {d, g, m, logit, answers, logZ, posterior};
  };
  const sides = (f, v) => {
    let left = 0, kl = 0, js = 0, remainder = 0;
    generator(v).forEach((g, i) => {
      // Log densities in small letters; p(x, y) for y = 0, a sample, and y = 1, an example.
      const d = f.d[i], m = half + plus(g, d), sample = Math.exp(g) / 2, example = Math.exp(d) / 2;
      left -= sample * f.answers[0][i] + example * f.answers[1][i];
      kl += sample * (g - f.posterior[0][i]) + example * (d - f.posterior[1][i]);
      js += sample * (g - m) + example * (d - m);
      remainder += Math.exp(m) * (m - f.m[i]);
    });
    const z = (f.logZ[0] + f.logZ[1]) / 2;
    [left, kl, js, remainder] = [left, kl, js, remainder].map(u => u * h);
    return {left, kl, js, remainder, log_z: z, right: kl - js - remainder - z};
  };
  // The gradient of the left side at theta_0, by central differences.
  const slope = f => [0, 1].map(j => {
    const delta = 1e-4, leftAt = offset => sides(f, start.map((v, k) => v + (k === j ? offset : 0))).left;
    return (leftAt(delta) - leftAt(-delta)) / (2 * delta);
  });
  return {X, start, generator, freeze, sides, slope};
})();
"""

_PAGE = """
const from = lemma.X.findIndex(x => x > -7.01), to = lemma.X.findIndex(x => x > 7.01), reach = [3, 0.7];
let direction = [1, 0];

const polyline = points => points.map((p, i) => (i ? "L" : "M") + p[0].toFixed(1) + " " + p[1].toFixed(1)).join("");
const text = (x, y, words, more = "") => "<text x='" + x + "' y='" + y + "' " + more + ">" + words + "</text>";
const word = (colour, words) => "<tspan fill='" + colour + "'>" + words + "</tspan>";

function densities(f, theta) {
  const svg = $("svg.densities"), W = Math.max(260, svg.clientWidth || 640), narrow = W < 520, H = narrow ? 240 : 222;
  const low = H - 20, high = narrow ? 58 : 40, X = lemma.X.slice(from, to), x = u => 8 + (u + 7) / 14 * (W - 16);
  const cut = log => log.slice(from, to).map(Math.exp), d = cut(f.d), g = cut(lemma.generator(theta));
  const q = cut(f.posterior[0]), g0 = cut(f.g), D = cut(f.answers[0]);
  const top = Math.max(0.3, ...d, ...q, Math.min(0.6, Math.max(...g))), y = v => low - Math.min(v / top, 1.04) * (low - high);
  const curve = (values, scale = y) => polyline(values.map((v, i) => [x(X[i]), scale(v)]));
  const ticks = [-6, -4, -2, 0, 2, 4, 6].map(u => text(x(u), H - 5, minus(String(u)), "text-anchor='middle'")
    + path("M" + x(u) + " " + low + "v4", "INK", "")).join("");
  const legend = [word("DATA", "data d"), word("THETA", "generator g\\u03B8 (thin: at \\u03B8\\u2080)"),
    word("PHI", "posterior q\\u02B3(x|0), filled"), word("PHI", "D, dotted, from 0 to 1")];
  svg.setAttribute("viewBox", "0 0 " + W + " " + H); svg.style.height = H + "px";
  svg.innerHTML = (narrow ? [[0, 1], [2], [3]] : [[0, 1], [2, 3]]).map((row, k) =>
      text(8, 13 + 16 * k, row.map(i => legend[i]).join("; "))).join("")
    + path(curve(q) + "L" + x(7) + " " + low + "L" + x(-7) + " " + low + "Z", "none", "style='fill:PHI;opacity:.16'")
    + path(curve(q), "PHI", "stroke-width='1.6'") + path(curve(d), "DATA", "stroke-width='2.2'")
    + path(curve(D, v => low - v * (low - high)), "PHI", "stroke-width='2' stroke-dasharray='2 4'")
    + path(curve(g0), "THETA", "stroke-width='1.1' stroke-dasharray='8 5'")
    + path(curve(g), "THETA", "stroke-width='2.6' stroke-dasharray='8 5'")
    + path("M8 " + low + "H" + (W - 8), "INK", "") + ticks;
}

function bothSides(f, offset, at) {
  const svg = $("svg.sides"), W = Math.max(260, svg.clientWidth || 640), narrow = W < 520, H = narrow ? 232 : 200;
  const size = Math.hypot(...offset);
  if (size > 1e-9) direction = offset.map(u => u / size);
  const end = Math.min(...direction.map((u, j) => Math.abs(u) > 1e-9 ? reach[j] / Math.abs(u) : Infinity));
  const steps = Array.from({length: 61}, (_, i) => end * (i - 30) / 30);
  const values = steps.map(e => lemma.sides(f, lemma.start.map((v, j) => v + e * direction[j])));
  const tangent = values.map(v => v.left + v.remainder), all = [...tangent, ...values.map(v => v.left), at.left + at.remainder];
  const least = Math.min(...all), most = Math.max(...all), span = Math.max(most - least, 0.02), low = H - 24, high = narrow ? 66 : 32;
  const x = e => 8 + (e / end + 1) / 2 * (W - 16), y = v => low - (v - (least + most - span) / 2) / span * (low - high - 6) - 3;
  const scale = (low - high - 6) / span, bar = [5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01].find(v => v * scale < (low - high) / 2) || 0.005;
  const legend = [word("INK", "left side: line"), word("THETA", "right side: rings"),
    word("SECOND", "right side without KL(m\\u03B8\\u2016m\\u03B8\\u2080): dashed")];
  const here = x(size), gap = Math.abs(y(at.left + at.remainder) - y(at.left)) > 2;
  svg.setAttribute("viewBox", "0 0 " + W + " " + H); svg.style.height = H + "px";
  svg.innerHTML = (narrow ? [[0], [1], [2]] : [[0, 1, 2]]).map((row, k) => text(8, 13 + 16 * k, row.map(i => legend[i]).join("; "))).join("")
    + path("M" + x(0) + " " + high + "V" + low, "#B5B8BC", "")
    + path(polyline(tangent.map((v, i) => [x(steps[i]), y(v)])), "SECOND", "stroke-width='2' stroke-dasharray='6 4'")
    + path(polyline(values.map((v, i) => [x(steps[i]), y(v.left)])), "INK", "stroke-width='2'")
    + values.map((v, i) => i % 4 === 2 ? "<circle cx='" + x(steps[i]).toFixed(1) + "' cy='" + y(v.right).toFixed(1)
        + "' r='4' fill='none' stroke='THETA' stroke-width='1.6'/>" : "").join("")
    + (gap ? path("M" + here + " " + y(at.left) + "V" + y(at.left + at.remainder), "SECOND", "stroke-width='4'") : "")
    + "<circle cx='" + here + "' cy='" + y(at.left) + "' r='6' fill='THETA'/>"
    + path("M8 " + low + "H" + (W - 8), "INK", "")
    + path("M12 " + (high + 2) + "v" + bar * scale, "INK", "stroke-width='2'")
    + text(18, high + 12, bar + " nats", "style='paint-order:stroke;stroke:PAPER;stroke-width:4px'")
    + text(x(0), H - 8, "\\u03B8\\u2080", "text-anchor='middle'") + text(W - 8, H - 8, "along the line through \\u03B8 \\u2192", "text-anchor='end'");
}

function render() {
  const f = lemma.freeze(value("weight"), value("sharpness"), value("shift")), offset = [value("mean"), value("width")];
  const theta = lemma.start.map((v, j) => v + offset[j]), at = lemma.sides(f, theta);
  const shown = {left: at.left, kl: at.kl, js: -at.js, remainder: -at.remainder, log_z: -at.log_z, right: at.right};
  for (const key in shown) $("[data-value=" + key + "]").textContent = minus(shown[key].toFixed(4).replace(/^-(0\\.0000)$/, "$1"));
  for (const key in sliders) {
    const now = value(key).toFixed(2);
    $("[data-shown=" + key + "]").textContent = minus(now); sliders[key].setAttribute("aria-valuetext", now);
  }
  densities(f, theta); bothSides(f, offset, at);
}

const setSliders = (values, words) => {
  for (const key in values) sliders[key].value = values[key];
  $("[role=status]").textContent = words; render();
};
for (const key in sliders) sliders[key].addEventListener("input", () => { $("[role=status]").textContent = ""; render(); });
root.querySelectorAll("button[data-judge]").forEach(b => b.addEventListener("click", () =>
  setSliders({sharpness: b.dataset.judge, shift: 0}, "Discriminator: " + b.textContent + ".")));
$("button[data-home]").addEventListener("click", () => setSliders({mean: 0, width: 0}, "The generator is at \\u03B8\\u2080."));
$("button[data-reset]").addEventListener("click", () => { direction = [1, 0]; setSliders(start, ""); });
$("button[data-step]").addEventListener("click", () => {
  const s = lemma.slope(lemma.freeze(value("weight"), value("sharpness"), value("shift"))), size = Math.hypot(...s);
  const to = s.map((u, j) => Math.max(-reach[j], Math.min(reach[j], -u)));
  setSliders({mean: to[0], width: to[1]}, size < 1e-6 ? "The gradient is zero: no step." : "One gradient step of rate 1 from \\u03B8\\u2080, gradient length "
    + size.toFixed(3) + (to.some((v, j) => v !== -s[j]) ? ", cut at the end of a slider." : "."));
});
new ResizeObserver(render).observe(root);
render();
"""

_SLIDERS = (
    ("mean", "generator: mean, minus its value at θ₀", -3, 3, "model"),
    ("width", "generator: log width, minus its value at θ₀", -0.7, 0.7, "model"),
    ("sharpness", "discriminator: sharpness", -1, 2, "judge"),
    ("shift", "discriminator: shift of the logit", -3, 3, "judge"),
    ("weight", "world: weight of the left mode", 0.02, 0.98, "world"),
)
_ROWS = (
    ("left", "left side: −E log {q}<sup>r</sup>(<i>y</i>|<i>x</i>)"),
    ("kl", "E<sub>y</sub> KL({p}(<i>x</i>|<i>y</i>) ‖ {q}<sup>r</sup>(<i>x</i>|<i>y</i>))"),
    ("js", "− JSD({p}(<i>x</i>|0), {p}(<i>x</i>|1))"),
    ("remainder", "− KL(<i>m</i><sub>θ</sub> ‖ <i>m</i><sub>θ₀</sub>)"),
    ("log_z", "− E<sub>y</sub> log <i>Z</i><sub>y</sub>, constant"),
    ("right", "right side: the sum of the four"),
)


def lemma_1(
    mean: float = 1.5,
    width: float = 0.3,
    sharpness: float = 0.7,
    shift: float = 0.0,
    weight: float = 0.35,
    name: str = "both-sides-of-lemma-1",
) -> Figure:
    """Move the generator, the discriminator or the world: both sides of ``eq-lemma-1-exact`` (chapter 07) move together.

    Args:
        mean, width: the generator N(0.3 + mean, (1.6 e^width)^2), offsets from θ0; -3 to 3 and -0.7 to 0.7.
        sharpness, shift: its judge, the logit sharpness * log(d/g_θ0) + shift; 1 and 0 are optimal. -1 to 2, -3 to 3.
        weight: mass of the world's left mode, N(-2, 0.7^2); the rest is N(2.5, 1).
        name: id of the HTML element; one page must not use it twice.

    All values are in nats, with p(y) = 1/2.
    """
    start = {"mean": mean, "width": width, "sharpness": sharpness, "shift": shift, "weight": weight}
    p, q = "<i class='theta'>p<sub>θ</sub></i>", "<i class='phi'>q</i>"

    rows = "".join(
        f'<tr class="{"chosen" if key in ("left", "right") else "term"}"><th scope="row">{text.format(p=p, q=q)}'
        f'</th><td class="value" data-value="{key}"></td></tr>'
        for key, text in _ROWS
    )
    judges = "".join(
        f'<button type="button" data-judge="{sharpness}">{text}</button>'
        for text, sharpness in (("optimal", 1), ("constant", 0), ("wrong way round", -1))
    )
    label = (
        "Interactive figure: the generator, the discriminator and the world are moved, and both sides of Lemma 1 are "
        "recomputed, in nats. They are equal wherever the generator is; without its remainder the right side only "
        "touches the left one, where the step starts."
    )
    html = (
        f'<div id="ID" role="group" KEYS aria-label="{escape(label)}"><style>{PAGE_CSS}'
        "#ID .phi { color: PHI; } #ID .sliders .judge input { accent-color: PHI; } #ID tr.term th { padding-left: 1.2em; }"
        "#ID th { white-space: normal; }</style>"
        '<svg class="densities" height="222" aria-hidden="true"></svg>'
        '<svg class="sides" height="200" aria-hidden="true"></svg><div class="sliders">'
        + "".join(
            slider_html(key, words, low, high, 0.01, color, start[key]) for key, words, low, high, color in _SLIDERS
        )
        + f'</div><p>discriminator: {judges}</p><p>generator: <button type="button" data-step>one gradient step</button>'
        '<button type="button" data-home>back to θ₀</button> <button type="button" data-reset>start again</button></p>'
        f'<table><tbody>{rows}</tbody></table><p role="status"></p>'
        f"<script>{{{LEMMA_MATHS}{SLIDER_SCRIPT}{_PAGE}}}</script></div>"
    )
    return page(html, name, start)
