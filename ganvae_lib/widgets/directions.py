"""Two directions of KL, to move (chapter 02)."""

from html import escape

from .page import PAGE_CSS, SLIDER_SCRIPT, Figure, element_id, page, slider_html

__all__ = ["MATHS", "two_directions"]

#: Divergences between one Gaussian and a two-mode world, by the trapezoid rule of ``exact.line(-45, 45, 1801)``.
MATHS = """
const maths = (() => {
  const n = 1801, h = 0.05, X = Array.from({length: n}, (_, i) => -45 + h * i), ln2 = Math.log(2);
  const logNormal = (x, m, s) => -0.5 * Math.log(2 * Math.PI) - Math.log(s) - 0.5 * ((x - m) / s) ** 2;
  const softplus = r => Math.max(r, 0) + Math.log1p(Math.exp(-Math.abs(r)));
  // The world: weight w on N(0.25 - gap/2, 0.7^2), the rest on N(0.25 + gap/2, 1).
  const logWorld = (x, w, gap) => {
    const left = Math.log(w) + logNormal(x, 0.25 - gap / 2, 0.7);
    const right = Math.log1p(-w) + logNormal(x, 0.25 + gap / 2, 1);
    return left + softplus(right - left);  // log(e^left + e^right)
  };
  // What is paid at x, never negative; r = log(d/p). The integral is the divergence.
  const cost = {
    forward: (d, p, r) => d * r - d + p,
    reverse: (d, p, r) => -p * r - p + d,
    js: (d, p, r) => (d * (ln2 - softplus(-r)) + p * (ln2 - softplus(r))) / 2,
    ns: (d, p, r) => (p + d) * (softplus(-r) - ln2) - p + d,
  };
  const world = (w, gap) => X.map(x => logWorld(x, w, gap));
  const paid = (name, log_d, mean, sd) => X.map((x, i) => {
    const log_p = logNormal(x, mean, sd);
    return cost[name](Math.exp(log_d[i]), Math.exp(log_p), log_d[i] - log_p);
  });
  const divergence = (name, log_d, mean, sd, every = 1) => {
    let sum = 0;
    for (let i = 0; i < n; i += every) {
      const log_p = logNormal(X[i], mean, sd);
      sum += cost[name](Math.exp(log_d[i]), Math.exp(log_p), log_d[i] - log_p);
    }
    return sum * h * every;
  };
  // Downhill in (mean, log sd) with short steps, so that it ends in the valley where it began.
  const descend = (name, log_d, mean, sd) => {
    const longest = 0.08, valueAt = v => divergence(name, log_d, v[0], Math.exp(v[1]));
    // v moved by delta in coordinate j alone, for differences.
    const moved = (v, j, delta) => { const w = v.slice(); w[j] += delta; return w; };
    let v = [mean, Math.log(sd)], value = valueAt(v), step = longest;
    const path = [[mean, sd]];
    for (let k = 0; k < 2000 && step > 1e-9; k++) {
      const gradient = [0, 1].map(j => (valueAt(moved(v, j, 1e-5)) - valueAt(moved(v, j, -1e-5))) / (2 * 1e-5));
      const curvature = [0, 1].map(j =>
        Math.abs(valueAt(moved(v, j, 1e-3)) + valueAt(moved(v, j, -1e-3)) - 2 * value) / 1e-6);
      // A step of Newton's in each coordinate, cut to the length that is allowed.
      const newton = gradient.map((slope, j) => -slope / Math.max(curvature[j], 1e-3)), length = Math.hypot(newton[0], newton[1]);
      if (length < 1e-8) break;
      const tried = v.map((vj, j) => vj + newton[j] * Math.min(1, step / length)), triedValue = valueAt(tried);
      if (triedValue < value) {
        v = tried; value = triedValue; path.push([v[0], Math.exp(v[1])]); step = Math.min(longest, 1.5 * step);
      } else step /= 3;
    }
    return {mean: v[0], sd: Math.exp(v[1]), value, path};
  };
  // From the best point of a coarse grid downhill.
  const best = (name, log_d) => {
    let start = null, least = Infinity;
    for (let mean = -6; mean <= 6; mean += 0.5) for (const sd of [0.4, 0.8, 1.2, 2, 3, 4.5]) {
      const value = divergence(name, log_d, mean, sd, 4);
      if (value < least) { least = value; start = [mean, sd]; }
    }
    return descend(name, log_d, ...start);
  };
  return {X, world, paid, divergence, descend, best};
})();
"""

_ROWS = (
    ("forward", "KL({d} ‖ {p})", "forward KL"),
    ("reverse", "KL({p} ‖ {d})", "reverse KL"),
    ("js", "JSD({d}, {p})", "Jensen-Shannon"),
    ("ns", "2 KL({m} ‖ {d})", "non-saturating"),
)

_PAGE = """
const names = ["forward", "reverse", "js", "ns"];
let log_d = maths.world(start.weight, start.gap), exact = null, moving = 0;

function curve(values, x, y) {
  return values.map((v, i) => (i ? "L" : "M") + x(maths.X[i + from]).toFixed(1) + " " + y(v).toFixed(1)).join("");
}
const from = maths.X.findIndex(x => x > -8.01), to = maths.X.findIndex(x => x > 8.01);

function render() {
  const mean = exact ? exact.mean : value("mean"), sd = exact ? exact.sd : value("sd");
  const chosen = $("input[type=radio]:checked").value, name = $("input[type=radio]:checked").dataset.title;
  for (const key of names)
    $("[data-value=" + key + "]").textContent = maths.divergence(key, log_d, mean, sd).toFixed(4);
  root.querySelectorAll("tbody tr").forEach(tr => tr.classList.toggle("chosen", tr.dataset.row === chosen));
  for (const key in sliders) {
    const shown = (exact && key in exact ? exact[key] : value(key)).toFixed(key === "gap" ? 1 : 2);
    $("[data-shown=" + key + "]").textContent = shown;
    sliders[key].setAttribute("aria-valuetext", shown);
  }
  const W = Math.max(260, $("svg").clientWidth || 640), H = 260, low = 172, x = u => 8 + (u + 8) / 16 * (W - 16);
  const d = log_d.slice(from, to).map(Math.exp);
  const p = maths.X.slice(from, to).map(u => Math.exp(-0.5 * ((u - mean) / sd) ** 2) / sd / Math.sqrt(2 * Math.PI));
  const top = Math.max(0.32, ...d, Math.min(0.9, Math.max(...p)));
  const y = v => low - Math.min(v / top, 1.02) * (low - 26);
  const cost = maths.paid(chosen, log_d, mean, sd).slice(from, to), scale = Math.max(0.08, ...cost);
  const yc = v => H - 22 - v / scale * 40, area = path => path + "L" + x(8) + " " + (H - 22) + "L" + x(-8) + " " + (H - 22) + "Z";
  const ticks = [-8, -6, -4, -2, 0, 2, 4, 6, 8].map(u => "<text text-anchor='middle' x='" + x(u) + "' y='" + (H - 6)
    + "'>" + minus(String(u)) + "</text><path d='M" + x(u) + " " + (H - 22) + "v4' stroke='INK'/>").join("");
  $("svg").setAttribute("viewBox", "0 0 " + W + " " + H);
  $("svg").innerHTML = "<text x='8' y='14'>densities: <tspan fill='DATA'>data d, solid</tspan>; <tspan fill='THETA'>model p\\u03B8, dashed"
    + "</tspan></text>" + path(curve(d, x, y) + "L" + x(8) + " " + low + "L" + x(-8) + " " + low + "Z", "none", "style='fill:DATA;opacity:.14'")
    + path("M8 " + low + "H" + (W - 8), "#B5B8BC", "") + path(curve(d, x, y), "DATA", "stroke-width='2.2'")
    + path(curve(p, x, y), "THETA", "stroke-width='2.4' stroke-dasharray='8 5'")
    + "<text x='8' y='" + (low + 15) + "'>where " + name + " is paid</text>"
    + path(area(curve(cost, x, yc)), "none", "style='fill:INK;opacity:.35'")
    + path("M8 " + (H - 22) + "H" + (W - 8), "INK", "") + ticks;
}

function go(to, word) {
  const name = $("input[type=radio]:checked").dataset.title, frames = to.path.length, id = ++moving;
  const quiet = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const moveTo = (mean, sd) => { exact = {mean, sd}; sliders.mean.value = mean; sliders.sd.value = sd; render(); };
  const end = () => { moveTo(to.mean, to.sd); $("[role=status]").textContent = word + " of " + name + ": mean "
    + minus(to.mean.toFixed(3)) + ", standard deviation " + to.sd.toFixed(3) + ", value " + to.value.toFixed(4) + " nats."; };
  if (quiet || word === "Best fit") return end();
  let k = 0;
  const stride = Math.max(1, Math.ceil(frames / 60));
  const tick = () => {
    if (id !== moving) return;
    if ((k += stride) >= frames) return end();
    moveTo(...to.path[k]); window.requestAnimationFrame(tick);
  };
  tick();
}

for (const key in sliders) sliders[key].addEventListener("input", () => {
  moving++; $("[role=status]").textContent = "";
  if (key in start && (key === "weight" || key === "gap")) log_d = maths.world(value("weight"), value("gap")); else exact = null;
  render();
});
root.querySelectorAll("input[type=radio]").forEach(e => e.addEventListener("change", render));
root.querySelectorAll("button[data-go]").forEach(b => b.addEventListener("click", () => {
  const row = b.closest("tr").dataset.row;
  $("input[value=" + row + "]").checked = true;
  if (b.dataset.go === "best") go(maths.best(row, log_d), "Best fit");
  else go(maths.descend(row, log_d, exact ? exact.mean : value("mean"), exact ? exact.sd : value("sd")), "Nearest minimum");
}));
$("button[data-reset]").addEventListener("click", () => {
  moving++; exact = null; for (const key in sliders) sliders[key].value = start[key];
  log_d = maths.world(start.weight, start.gap); $("[role=status]").textContent = ""; render();
});
new ResizeObserver(render).observe(root);
render();
"""


def two_directions(
    mean: float = -1.0, std: float = 1.5, weight: float = 0.35, gap: float = 4.5, name: str = "two-directions"
) -> Figure:
    """One Gaussian against a world of two modes: four divergences, live, and where each is paid (chapter 02).

    Args:
        mean, std: where the model starts; -6 to 6 and 0.2 to 6.
        weight: mass of the world's left mode, N(0.25 - gap/2, 0.7^2); the rest is N(0.25 + gap/2, 1).
        gap: distance between the modes, 0 to 10.
        name: id of the HTML element; one page must not use it twice.

    The values are those of Eq. ``eq-kl``, ``eq-js`` and the last row of ``eq-f-divergence``'s table, in nats.
    """
    start = {"mean": mean, "sd": std, "weight": weight, "gap": gap}
    d, p, m = "<i class='data'>d</i>", "<i class='theta'>p<sub>θ</sub></i>", "<i>m</i>"

    rows = "".join(
        f'<tr data-row="{key}"><th scope="row"><label><input type="radio" name="{element_id(name)}-chosen" value="{key}" '
        f'data-title="{title}"{" checked" if key == "forward" else ""}> {text.format(d=d, p=p, m=m)}</label></th>'
        f'<td class="value" data-value="{key}"></td><td><button type="button" data-go="descend" '
        f'aria-label="{title}: downhill from here">downhill</button><button type="button" data-go="best" '
        f'aria-label="{title}: go to the best fit">best fit</button></td></tr>'
        for key, text, title in _ROWS
    )
    label = (
        "Interactive figure: a Gaussian model is moved against a world with two modes; forward KL, reverse KL, "
        "Jensen-Shannon and non-saturating divergence are recomputed, in nats."
    )
    html = (
        f'<div id="ID" role="group" KEYS aria-label="{escape(label)}"><style>{PAGE_CSS}</style>'
        '<svg height="260" aria-hidden="true"></svg><div class="sliders">'
        + slider_html("mean", f"mean of {p}", -6, 6, 0.05, "model", mean)
        + slider_html("sd", f"standard deviation of {p}", 0.2, 6, 0.05, "model", std)
        + slider_html("weight", f"weight of the left mode of {d}", 0.02, 0.98, 0.01, "world", weight)
        + slider_html("gap", f"distance of the modes of {d}", 0, 10, 0.1, "world", gap)
        + '</div><table><thead><tr><th scope="col">divergence</th><th scope="col" style="text-align:right">nats</th>'
        f'<th scope="col">move the model</th></tr></thead><tbody>{rows}</tbody></table>'
        f"<p>{m} is the half-and-half mixture of {d} and {p}. "
        '<button type="button" data-reset>start again</button></p><p role="status"></p>'
        f"<script>{{{MATHS}{SLIDER_SCRIPT}{_PAGE}}}</script></div>"
    )
    return page(html, name, start)
