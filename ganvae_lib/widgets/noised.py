"""Noise on data and model, to move: both KLs, their rates, and the two scores (chapter 20)."""

from html import escape

from .page import PAGE_CSS, SLIDER_SCRIPT, Figure, page, slider_html

__all__ = ["NOISED_MATHS", "noised"]

#: Mixtures of two Gaussians on the cosine path, by the trapezoid rule of ``exact.line(-15, 15, 1201)``.
NOISED_MATHS = """
const noisy = (() => {
  const n = 1201, h = 0.025, X = Array.from({length: n}, (_, i) => -15 + h * i);
  const alpha = t => Math.cos(Math.PI * t / 2), sigma = t => Math.sin(Math.PI * t / 2);
  // gamma = 2 sigma (sigma' - sigma alpha'/alpha) = pi tan(pi t/2) on this path
  const gamma = t => Math.PI * Math.tan(Math.PI * t / 2);
  // Laws are lists of [weight, mean, std].
  const world = (weight, gap) => [[weight, 0.25 - gap / 2, 0.7], [1 - weight, 0.25 + gap / 2, 1]];
  const model = (mean, sd) => [[1, mean, sd]];
  // log density and score of a law under noise, at the points.
  const under = (law, t) => {
    const parts = law.map(([w, m, s]) => [Math.log(w), alpha(t) * m, (alpha(t) * s) ** 2 + sigma(t) ** 2]);
    const log = [], score = [];
    for (const x of X) {
      const each = parts.map(([w, m, v]) => w - 0.5 * Math.log(2 * Math.PI * v) - (x - m) ** 2 / (2 * v));
      const top = Math.max(...each), shares = each.map(l => Math.exp(l - top)), sum = shares.reduce((a, b) => a + b);
      log.push(top + Math.log(sum));
      score.push(parts.reduce((a, [, m, v], k) => a - shares[k] / sum * (x - m) / v, 0));
    }
    return {log, score};
  };
  // What is paid at each point: a KL's integrand is log a/b, a rate's gamma/2 times the squared difference of scores.
  const compare = (d, g, t) => {
    const paid = {forward: [], reverse: []}, total = {forward: 0, reverse: 0, forward_rate: 0, reverse_rate: 0};
    X.forEach((_, i) => {
      const a = Math.exp(d.log[i]), b = Math.exp(g.log[i]), r = d.log[i] - g.log[i];
      const gap = gamma(t) / 2 * (d.score[i] - g.score[i]) ** 2;
      paid.forward.push(a * gap); paid.reverse.push(b * gap);
      total.forward += h * (a * r - a + b); total.reverse += h * (-b * r - b + a);
      total.forward_rate += h * a * gap; total.reverse_rate += h * b * gap;
    });
    return {paid, total};
  };
  return {X, world, model, under, compare};
})();
"""

_PAGE = """
const from = noisy.X.findIndex(x => x > -7.01), to = noisy.X.findIndex(x => x > 7.01), seen = noisy.X.slice(from, to);
const polyline = points => points.map((p, i) => (i ? "L" : "M") + p[0].toFixed(1) + " " + p[1].toFixed(1)).join("");
const text = (x, y, words, more = "") => "<text x='" + x + "' y='" + y + "' " + more + ">" + words + "</text>";
const word = (colour, words) => "<tspan fill='" + colour + "'>" + words + "</tspan>";
const laws = () => [noisy.world(value("weight"), value("gap")), noisy.model(value("mean"), value("sd"))];
const times = Array.from({length: 49}, (_, i) => 0.02 + 0.02 * i);

function arrows(score, colour, y, x) {
  let made = "";
  for (let i = 20; i < seen.length; i += 40) {
    const length = 15 * Math.tanh(score[from + i] / 3), at = x(seen[i]);
    if (Math.abs(length) < 0.6) continue;
    const head = Math.sign(length) * Math.min(4, Math.abs(length));
    made += path("M" + at.toFixed(1) + " " + y + "h" + length.toFixed(1) + "m" + (-head) + " -3l" + head + " 3l" + (-head) + " 3",
      colour, "stroke-width='1.4'");
  }
  return made;
}

function densities(d, g, found) {
  const svg = $("svg.densities"), W = Math.max(260, svg.clientWidth || 640), H = 312, low = 140, x = u => 8 + (u + 7) / 14 * (W - 16);
  const a = d.log.slice(from, to).map(Math.exp), b = g.log.slice(from, to).map(Math.exp), top = Math.max(0.3, ...a, Math.min(0.8, Math.max(...b)));
  const y = v => low - Math.min(v / top, 1.03) * (low - 40), curve = values => polyline(values.map((v, i) => [x(seen[i]), y(v)]));
  const base = H - 22, rates = ["forward", "reverse"].map(k => found.paid[k].slice(from, to)), most = Math.max(0.05, ...rates[0], ...rates[1]);
  const yr = v => base - v / most * 62, area = values => polyline(values.map((v, i) => [x(seen[i]), yr(v)])) + "L" + x(7) + " " + base + "L" + x(-7) + " " + base + "Z";
  const ticks = [-6, -4, -2, 0, 2, 4, 6].map(u => text(x(u), H - 6, minus(String(u)), "text-anchor='middle'")
    + path("M" + x(u) + " " + base + "v4", "INK", "")).join("");
  svg.setAttribute("viewBox", "0 0 " + W + " " + H); svg.style.height = H + "px";
  svg.innerHTML = text(8, 13, word("DATA", "data under noise, solid") + "; " + word("THETA", "model under noise, dashed"))
    + path(curve(a) + "L" + x(7) + " " + low + "L" + x(-7) + " " + low + "Z", "none", "style='fill:DATA;opacity:.14'")
    + path(curve(a), "DATA", "stroke-width='2.2'") + path(curve(b), "THETA", "stroke-width='2.4' stroke-dasharray='8 5'")
    + path("M8 " + low + "H" + (W - 8), "#B5B8BC", "")
    + arrows(d.score, "DATA", low + 13, x) + arrows(g.score, "THETA", low + 27, x)
    + text(8, low + 52, "scores above; below, where the rates are paid: " + word("DATA", "at data") + ", " + word("THETA", "at the model"))
    + path(area(rates[0]), "DATA", "stroke-width='1.2' style='fill:DATA;fill-opacity:.25'")
    + path(area(rates[1]), "THETA", "stroke-width='1.2' stroke-dasharray='5 3' style='fill:THETA;fill-opacity:.2'")
    + path("M8 " + base + "H" + (W - 8), "INK", "") + ticks;
}

function overTime(curves, t) {
  const svg = $("svg.times"), W = Math.max(260, svg.clientWidth || 640), H = 150, low = H - 22, high = 34, x = u => 8 + u * (W - 16);
  const most = Math.max(0.1, ...curves.forward, ...curves.reverse), scale = v => Math.sqrt(v / most), y = v => low - scale(v) * (low - high);
  const line = values => polyline(values.map((v, i) => [x(times[i]), y(v)]));
  svg.setAttribute("viewBox", "0 0 " + W + " " + H); svg.style.height = H + "px";
  svg.innerHTML = text(8, 13, "both KLs at every noise level: " + word("DATA", "data first") + "; " + word("THETA", "model first") + " (root scale)")
    + path("M" + x(t) + " " + high + "V" + low, "#B5B8BC", "stroke-width='3'")
    + path(line(curves.forward), "DATA", "stroke-width='2.2'") + path(line(curves.reverse), "THETA", "stroke-width='2.4' stroke-dasharray='8 5'")
    + path("M8 " + low + "H" + (W - 8), "INK", "") + text(8, H - 6, "data, t = 0") + text(W - 8, H - 6, "noise, t = 1", "text-anchor='end'");
}

function render() {
  const [world, model] = laws(), t = value("t"), d = noisy.under(world, t), g = noisy.under(model, t), found = noisy.compare(d, g, t);
  for (const key in found.total) $("[data-value=" + key + "]").textContent = minus(found.total[key].toFixed(4));
  for (const key in sliders) {
    const now = value(key).toFixed(2);
    $("[data-shown=" + key + "]").textContent = minus(now); sliders[key].setAttribute("aria-valuetext", now);
  }
  const all = times.map(u => noisy.compare(noisy.under(world, u), noisy.under(model, u), u).total);
  densities(d, g, found); overTime({forward: all.map(v => v.forward), reverse: all.map(v => v.reverse)}, t);
}

const setSliders = values => { for (const key in values) sliders[key].value = values[key]; render(); };
for (const key in sliders) sliders[key].addEventListener("input", render);
root.querySelectorAll("button[data-t]").forEach(b => b.addEventListener("click", () => setSliders({t: b.dataset.t})));
$("button[data-mode]").addEventListener("click", () => setSliders({mean: 0.25 + value("gap") / 2, sd: 1}));
$("button[data-reset]").addEventListener("click", () => setSliders(start));
new ResizeObserver(render).observe(root);
render();
"""

_SLIDERS = (
    ("t", "noise level t", 0.02, 0.98, "noise"),
    ("mean", "model: mean", -5, 5, "model"),
    ("sd", "model: standard deviation", 0.3, 4, "model"),
    ("weight", "world: weight of the left mode", 0.02, 0.98, "world"),
    ("gap", "world: distance of the modes", 0, 8, "world"),
)
_ROWS = (
    ("forward", "KL({d}<sub>t</sub> ‖ {g}<sub>t</sub>)"),
    ("forward_rate", "its rate of falling: the scores compared at <b>noisy data</b>"),
    ("reverse", "KL({g}<sub>t</sub> ‖ {d}<sub>t</sub>)"),
    ("reverse_rate", "its rate of falling: the scores compared at <b>noisy samples of the model</b>"),
)


def noised(
    t: float = 0.15, mean: float = 1.5, std: float = 1.6, weight: float = 0.35, gap: float = 4.5, name: str = "noised"
) -> Figure:
    """Noise on a world of two modes and on a Gaussian model: both KLs, both rates, both scores (chapter 20).

    Args:
        t: noise level on the cosine path, 0.02 to 0.98.
        mean, std: the model; -5 to 5 and 0.3 to 4.
        weight: mass of the world's left mode, N(0.25 - gap/2, 0.7^2); the rest is N(0.25 + gap/2, 1).
        gap: distance between the modes, 0 to 8.
        name: id of the HTML element; one page must not use it twice.

    The values are in nats, the rates those of ``eq-kl-rate`` (chapter 20), in nats per time.
    """
    start = {"t": t, "mean": mean, "sd": std, "weight": weight, "gap": gap}
    d, g = "<i class='data'>d</i>", "<i class='theta'>g</i>"
    rows = "".join(
        f'<tr class="{"term" if key.endswith("rate") else "chosen"}"><th scope="row">{text.format(d=d, g=g)}</th>'
        f'<td class="value" data-value="{key}"></td></tr>'
        for key, text in _ROWS
    )
    label = (
        "Interactive figure: noise is put on a world with two modes and on a Gaussian model. Both KL divergences between "
        "the noisy laws, the rates at which they fall, and the scores of both laws are recomputed for every noise level."
    )
    html = (
        f'<div id="ID" role="group" KEYS aria-label="{escape(label)}"><style>{PAGE_CSS}'
        "#ID .sliders .noise input { accent-color: PRIOR; } #ID tr.term th { padding-left: 1.2em; }"
        "#ID th { white-space: normal; }</style>"
        '<svg class="densities" height="312" aria-hidden="true"></svg>'
        '<svg class="times" height="150" aria-hidden="true"></svg><div class="sliders">'
        + "".join(
            slider_html(key, words, low, high, 0.01, color, start[key]) for key, words, low, high, color in _SLIDERS
        )
        + '</div><p>noise: <button type="button" data-t="0.02">least</button><button type="button" data-t="0.3">some</button>'
        '<button type="button" data-t="0.7">much</button> model: <button type="button" data-mode>on the right mode</button>'
        f'<button type="button" data-reset>start again</button></p><table><tbody>{rows}</tbody></table>'
        f"<script>{{{NOISED_MATHS}{SLIDER_SCRIPT}{_PAGE}}}</script></div>"
    )
    return page(html, name, start)
