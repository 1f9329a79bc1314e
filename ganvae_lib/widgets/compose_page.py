"""Look, graph and script of ``compose``."""

from ..figures.style import COLOR

__all__ = ["COMPOSER_CSS", "COMPOSER_SCRIPT", "READ_CHOICE_SCRIPT", "graph_svg"]

# The formulas keep the colours that suit the figure's paper, in a dark page, too.
COMPOSER_CSS = """
#ID { --obj-data: DATA; --obj-theta: THETA; --obj-eta: %ETA%; --obj-phi: PHI; }
#ID .parts { display: grid; grid-template-columns: repeat(auto-fit, minmax(10em, 1fr)); gap: .35em 1.2em; }
#ID .parts label { display: grid; gap: .1em; }
#ID .parts span { font-size: 13px; }
#ID select { font: inherit; color: INK; background: #FFF; border: 1px solid #8A8E94; border-radius: 5px; padding: .15em .3em;
  width: 100%; min-width: 0; }
#ID select:focus-visible, #ID .scores:focus-visible { outline: 3px solid DATA; outline-offset: 2px; }
#ID [role=status] { font-size: 15px; margin: .7em 0 .3em; min-height: 1.4em; }
#ID code { background: none; border: 0; padding: 0; color: inherit; font-size: 12px; white-space: normal; overflow-wrap: anywhere; }
#ID .formula { overflow-x: auto; padding: .1em 0; }
#ID .line { margin: .2em 0; line-height: 1.9; }
#ID .line[hidden], #ID .piece[hidden] { display: none; }
#ID .piece { display: inline-block; }
#ID .piece.more::before { content: "+"; margin: 0 .35em; }
#ID .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: .6em; margin: .4em 0; }
#ID .scores { overflow-x: auto; } #ID .scores table { table-layout: auto; font-size: 12.5px; }
#ID .scores th, #ID .scores td { padding: .12em .2em .12em .8em; }
#ID .scores tr > :first-child { padding-left: .2em; } #ID .scores button { font-size: 12.5px; padding: .05em .4em; }
#ID .scores th[scope=col] { white-space: normal; vertical-align: bottom; font-size: 11.5px; min-width: 5.2em; line-height: 1.2; }
#ID .scores th[scope=col]:not(:first-child) { text-align: right; }
#ID .scores td.value { width: auto; white-space: nowrap; }
#ID .scores tr.chosen th { font-weight: 600; }
#ID tr[aria-current=true] { background: #EFEFE8; }
#ID .note { font-size: 12px; }
""".replace("%ETA%", COLOR["eta"])

# By network: the player whose colour its arrows have, their paths, its label in three parts, and the label's x and y.
_ARROWS = {
    "decoder": ("theta", "M63 95Q110 62 157 95", "p", "θ", "(x|z)", 110, 98),
    "encoder": ("eta", "M157 125Q110 158 63 125", "q", "η", "(z|x)", 110, 131),
    "discriminator_x": ("phi", "M172 92V50", "q", "φ", "(y|x)", 172, 14),
    "discriminator_z": ("phi", "M48 92V50", "q", "φ", "(y|z)", 48, 14),
    "discriminator_xz": ("phi", "M160 97L120 50M60 97L100 50", "q", "φ", "(y|x,z)", 110, 14),
    "discriminator_z_given_x": ("phi", "M160 123L120 186M60 123L100 186", "q", "φ", "(y|x,z)", 152, 205),
    "discriminator_noisy_x": ("phi", "M172 92V50", "q", "φ", "(y|x̃,τ)", 172, 14),
    "scores_x": ("phi", "M172 92V50", "x̂", "φ", "(x̃,τ), two", 172, 38),
    "denoiser_x": ("theta", "M172 162V128", "x̂", "θ", "(x̃,τ)", 172, 180),
    "denoiser_code": ("theta", "M48 162V128", "ẑ", "θ", "(z̃,τ)", 48, 180),
    "density_code": ("theta", "M48 162V128", "p", "θ", "(z)", 48, 180),
}
# Dashes of a player's arrows.
_DASH = {"theta": "", "eta": "7 4", "phi": "2 4"}
# Where the answer y of a discriminator stands.
_ANSWERS = {
    "discriminator_x": (172, 34),
    "discriminator_z": (48, 34),
    "discriminator_xz": (110, 34),
    "discriminator_z_given_x": (110, 200),
    "discriminator_noisy_x": (172, 34),
}


def _node(x: int, y: int, text: str, face: str, radius: int = 15) -> str:
    """A circle with a letter in it; ``face`` is its colour."""
    return (
        f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{face}" stroke="INK"/><text x="{x}" '
        f'y="{y + 5}" text-anchor="middle" font-style="italic">{text}</text>'
    )


def graph_svg(name: str) -> str:
    """The schematic of ``draw.schematic`` in layers, one per network; the page shows those that the sum needs."""
    arrow_heads = "".join(
        f'<marker id="{name}-{player}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
        f'orient="auto"><path d="M0 0L8 4L0 8Z" fill="{COLOR[player]}"/></marker>'
        for player in _DASH
    )
    layers = []
    for network, (player, path, letter, subscript, label_end, x, y) in _ARROWS.items():
        arrow_paths = "".join(
            f'<path d="M{one_path}" fill="none" stroke="{COLOR[player]}" stroke-width="2" stroke-dasharray='
            f'"{_DASH[player]}" marker-end="url(#{name}-{player})"/>'
            for one_path in path.split("M")[1:]  # each gets a head of its own; before the first M there is nothing
        )
        answer_node = _node(*_ANSWERS[network], "y", "PAPER", radius=13) if network in _ANSWERS else ""
        label_svg = (
            f'<text x="{x}" y="{y}" text-anchor="middle" style="fill:{COLOR[player]}"><tspan font-style="italic">{letter}'
            f'</tspan><tspan dy="3" font-size="9">{subscript}</tspan><tspan dy="-3">{label_end}</tspan></text>'
        )
        layers.append(f'<g data-layer="{network}">{arrow_paths}{answer_node}{label_svg}</g>')
    layers.append(
        f'<g data-layer="again"><text x="150" y="38" text-anchor="end" style="fill:{COLOR["phi"]}">of x̂, too</text></g>'
    )
    return (
        f'<svg class="graph" viewBox="0 0 220 220" role="img"><defs>{arrow_heads}</defs>{"".join(layers)}'
        f"{_node(48, 110, 'z', 'PAPER')}{_node(172, 110, 'x', '#D6E6F5')}</svg>"
    )


#: What the page says of the choice with number i: pure, so that tests run it in Node.
READ_CHOICE_SCRIPT = """
const read = (facts, i) => {
  // Columns come as one text each, to keep the page small.
  for (const key of ["terms", "missing", "name", "result"]) if (!Array.isArray(facts[key])) facts[key] = facts[key].split(",");
  const entry = key => facts[key][i], letters = Array.from(entry("terms")), missing = facts.messages[entry("missing")] || "";
  const name = facts.names[entry("name")] || "", result = facts.results[entry("result")] || null;
  let says = missing;
  if (!missing) {
    says = name ? (facts.also.includes(name) ? "Known as " : "In the zoo: ") + name + "." : "No name in the zoo.";
    if (!result) says += " Well formed, but not among the combinations that were trained for this page; widgets.compose(live=True) trains it in Jupyter.";
    else if (result[3]) says += " " + result[3] + " of " + facts.seeds + " seeds broke down: their loss stopped being a number.";
  }
  const lines = Object.fromEntries(Object.entries(facts.players).map(([player, words]) => [player, letters.filter(a => a in words)]));
  return {letters, says, name, missing, lines, code: letters.map(a => facts.code[a]).join(" + "), result: entry("result"),
    layers: Array.from(new Set(letters.flatMap(a => facts.layers[a]))), row: result ? result[0] : [],
    x: result ? result[1] : "", z: result ? result[2] : ""};
};
"""

COMPOSER_SCRIPT = """
const root = document.getElementById("ID"), $ = s => root.querySelector(s), $$ = s => Array.from(root.querySelectorAll(s));
const facts = %FACTS%, world = START, selects = $$(".parts select");

const index = () => selects.reduce((sum, s, k) => sum * facts.sizes[k] + Number(s.value), 0);
function choose(i) {
  for (let k = selects.length - 1; k >= 0; k--) { selects[k].value = String(i % facts.sizes[k]); i = Math.floor(i / facts.sizes[k]); }
  render();
}
function points(text, reach) {
  const bytes = Array.from(atob(text), c => c.charCodeAt(0)), pixel = byte => byte / 255 * 200 + 10;
  let path = "";
  for (let k = 0; k + 1 < bytes.length; k += 2) path += "M" + pixel(bytes[k]).toFixed(1) + " " + (220 - pixel(bytes[k + 1])).toFixed(1) + "h0";
  return path;
}
const dots = (path, colour) => "<path d='" + path + "' fill='none' stroke='" + colour + "' stroke-width='3.2' stroke-linecap='round' stroke-opacity='.7'/>";
const title = text => "<text x='110' y='11' text-anchor='middle'>" + text + "</text>";

// Each option says whether it leads to something that was trained.
function mark(i) {
  let stride = 1;
  for (let k = selects.length - 1; k >= 0; stride *= facts.sizes[k--]) for (const option of selects[k].options) {
    const changed = read(facts, i + (Number(option.value) - Number(selects[k].value)) * stride);
    option.dataset.words = option.dataset.words || option.textContent;
    let remark = "";
    if (!changed.result) remark = changed.missing ? " (incomplete)" : " (not trained)";
    option.textContent = option.dataset.words + remark;
  }
}

function render() {
  const now = read(facts, index());
  mark(index());
  $("[role=status]").textContent = now.says;
  $("code").textContent = now.code;
  for (const player in now.lines) {
    const line = $("[data-player=" + player + "]"), held = now.lines[player], words = facts.players[player];
    line.hidden = !held.length;
    line.setAttribute("aria-label", "minimise over " + player + ": " + held.map(a => words[a]).join(" + "));
    line.querySelectorAll(".piece").forEach(e => {
      e.hidden = !held.includes(e.dataset.term); e.classList.toggle("more", e.dataset.term !== held[0]);
    });
  }
  $$("[data-layer]").forEach(g => { g.style.display = now.layers.includes(g.dataset.layer) ? "" : "none"; });
  $("svg.graph").setAttribute("aria-label", "Graph: " + now.layers.map(l => l.replaceAll("_", " ")).join(", ") + ".");
  const unit = 100 / facts.reach.x;
  $("svg.x").innerHTML = title(now.x ? "samples, dots; data, rings" : "data, rings; no samples")
    + world.modes.map(m => "<circle cx='" + (110 + m[0] * unit).toFixed(1) + "' cy='" + (110 - m[1] * unit).toFixed(1) + "' r='"
      + (3 * world.std * unit).toFixed(1) + "' fill='DATA' fill-opacity='.16' stroke='DATA' stroke-width='1.6'/>").join("")
    + dots(points(now.x, facts.reach.x), "THETA");
  $("svg.x").setAttribute("aria-label", now.x ? "Samples of the first seed; modes covered, of 8: " + now.row[0] : "No samples");
  $("svg.z").innerHTML = title(now.z ? "codes, dots; prior, 1 to 3 \\u03C3" : "prior, 1 to 3 \\u03C3; no codes") + [1, 2, 3].map(r =>
    "<circle cx='110' cy='110' r='" + (r * 100 / facts.reach.z) + "' fill='none' stroke='PRIOR' stroke-dasharray='6 3'/>").join("")
    + dots(points(now.z, facts.reach.z), "%ETA%");
  $("svg.z").setAttribute("aria-label", now.z ? "Codes of the first seed; distance to the prior: " + now.row[4] : "No codes");
  $$("tr[data-chosen] td").forEach((td, k) => { td.textContent = now.row[k] || "\\u2013"; });
  $("tr[data-chosen] th").textContent = "your choice" + (now.name ? ": " + now.name.split(",")[0] : "");
  $$("tr[data-index]").forEach(tr => tr.setAttribute("aria-current", Boolean(now.result) && read(facts, Number(tr.dataset.index)).result === now.result));
}
selects.forEach(s => s.addEventListener("change", render));
$$("button[data-go]").forEach(b => b.addEventListener("click", () => choose(Number(b.dataset.go))));
render();
""".replace("%ETA%", COLOR["eta"])
