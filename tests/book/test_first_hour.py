"""The page "First hour": its JavaScript computes what the library does, its code runs, what it says of runs is so."""

import json
import math
import re
import shutil
import subprocess

import pytest
import torch
from helpers import ROOT
from torch.distributions import Independent, Normal, kl_divergence

from ganvae_lib import KL, LINKS, Adversary, Batch, Match, Mixture, Noise, Reconstruct, build, coverage, data, ring
from ganvae_lib.training.optimizers import Recipe, descend

SCRIPT = ROOT / "book" / "_static" / "first_hour.js"
SLOPES = {"relu": 0.0, "leaky relu": 0.2}


def node(program, **given):
    """What a program that returns a value gives in Node, where `hour` is the script and `given` its numbers."""
    if not (found := shutil.which("node")):
        pytest.skip("no Node.js here to run the page's JavaScript")
    head = f"const hour = require({json.dumps(str(SCRIPT))}); const given = JSON.parse(require('fs').readFileSync(0));"
    plain = "(key, value) => ArrayBuffer.isView(value) ? Array.from(value) : value"
    whole = f"{head} console.log(JSON.stringify((() => {{ {program} }})(), {plain}))"
    given = json.dumps(given, default=lambda tensor: tensor.detach().flatten().tolist())
    done = subprocess.run([found, "-e", whole], input=given, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


class Remembered(Noise):
    """Noise that gives the same numbers under a name until its memory is emptied."""

    def __init__(self, seeds):
        super().__init__(seeds)
        self.given = {}

    def _next_numbers(self, law, name, shape):
        if name not in self.given:
            self.given[name] = super()._next_numbers(law, name, shape)
        return self.given[name]


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def close(found, wanted, tolerance=1e-5):
    """Equal to 1e-5 of the largest number, which all gradients of a network share."""
    found, wanted = torch.as_tensor(found, dtype=torch.float64).flatten(), wanted.detach().double().flatten()
    assert found.shape == wanted.shape
    largest = wanted.abs().max()
    assert largest > 0 and (found - wanted).abs().max() <= tolerance * largest, (found - wanted).abs().max() / largest


def steps_of(model, rate, beta, batch_size=13, steps=3):
    """A few steps of the library: data and noise of each, losses and gradients of the first, weights after the last."""
    noise, told = Remembered(3), []
    rates = dict.fromkeys(("theta", "eta", "phi"), rate)
    phases = model.objective.phases()
    optimizers = [Recipe().of(model, phase.players, rates, (beta, 0.999), torch.device("cpu")) for phase in phases]
    law = ring()
    for step in range(steps):
        batch = Batch(model, law.sample(batch_size, step), noise)
        here = {}
        for phase, optimizer in zip(phases, optimizers, strict=True):
            losses = phase.losses(batch)
            parameters = model.of(phase.players)
            gradients = torch.autograd.grad(phase.total(losses).sum(), parameters, retain_graph=True, allow_unused=True)
            here[phase.players] = losses, dict(zip(parameters, gradients, strict=True))
            descend(phase, batch, optimizer)
            batch.moved(phase.players)
        told.append((batch.x, noise.given, here))
        noise.given = {}
    return told


GAN_STEPS = """
const gan = new hour.GAN(given);
gan.generator.flat.set(given.generator);
gan.discriminator.flat.set(given.discriminator);
const told = given.steps.map(({x, z, u}) => {
  const n = x.length / 2, here = {};
  here.phi = gan.discriminatorLoss(Float64Array.from(x), Float64Array.from(z), n, u);
  here.phiGradient = Array.from(gan.discriminator.gradient);
  here.untouched = gan.generator.gradient.every(g => g === 0);
  gan.discriminator.descend(given.rate, gan.beta);
  here.theta = gan.generatorLoss(Float64Array.from(z), n);
  here.thetaGradient = Array.from(gan.generator.gradient);
  here.untouched &&= gan.discriminator.gradient.every(g => g === 0);
  gan.generator.descend(given.rate, gan.beta);
  return here;
});
return {told, generator: gan.generator.flat, discriminator: gan.discriminator.flat};
"""


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("link", LINKS)
def test_a_gans_losses_gradients_and_steps_are_the_librarys(float64, link, activation):
    penalty = 10.0 if link == "Wasserstein" else 0.0
    objective = Match("x", Adversary(link, penalty=penalty))
    model = build(objective, (2,), latent=2, hidden=(9, 6), activation=activation)
    before = {name: flat(network.parameters()) for name, network in model.networks.items()}
    told = steps_of(model, 2e-3, 0.5)
    steps = [dict(x=x, z=given["z"], u=given.get("segment")) for x, given, _ in told]
    start = dict(hidden=[9, 6], slope=SLOPES[activation], link=link, rate=2e-3, steps=steps)
    found = node(GAN_STEPS, **start, generator=before["decoder"], discriminator=before["discriminator_x"])
    for (_, _, here), there in zip(told, found["told"], strict=True):
        for player in ("phi", "theta"):
            losses, gradients = here[(player,)]
            close(there[player], sum(losses.values()))
            close(there[f"{player}Gradient"], flat(gradients.values()))
        assert there["untouched"], "a player's loss left a gradient with the other"
    close(found["generator"], flat(model.decoder.parameters()))
    close(found["discriminator"], flat(model.discriminator_x.parameters()))
    assert not torch.allclose(before["decoder"], flat(model.decoder.parameters()), atol=1e-3)


VAE_STEPS = """
const vae = new hour.VAE(given);
for (const name of ["encoder", "decoder", "logScale"]) vae[name].flat.set(given[name]);
const told = given.steps.map(({x, noise}) => {
  const here = vae.loss(Float64Array.from(x), Float64Array.from(noise), x.length / 2);
  for (const name of ["encoder", "decoder", "logScale"]) here[name] = Array.from(vae[name].gradient);
  vae.descend(given.rate);
  return here;
});
return {told, encoder: vae.encoder.flat, decoder: vae.decoder.flat, logScale: vae.logScale.flat};
"""


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0, 4.0])
def test_a_vaes_losses_gradients_and_steps_are_the_librarys(float64, weight, activation):
    objective = Reconstruct("x") + weight * Match("z", KL()) if weight else Reconstruct("x")
    model = build(objective, (2,), latent=2, hidden=(9, 6), activation=activation)
    scale = model.decoder.observation.log_scale
    scale.data.fill_(-0.4)
    parts = lambda: {
        "encoder": flat(model.encoder.parameters()),
        "decoder": flat(model.decoder.trunk.parameters()),
        "logScale": flat([scale]),
    }
    before = parts()
    told = steps_of(model, 2e-3, 0.9)
    steps = [dict(x=x, noise=given["z from x"]) for x, given, _ in told]
    found = node(VAE_STEPS, hidden=[9, 6], slope=SLOPES[activation], weight=weight, rate=2e-3, steps=steps, **before)
    for (_, _, here), there in zip(told, found["told"], strict=True):
        losses, gradients = here[("theta", "eta")]
        close(there["reconstruction"], losses["reconstruct x"])
        if weight:
            close(there["kl"], losses["match z"])
        close(there["encoder"], flat(gradients[p] for p in model.encoder.parameters()))
        close(there["decoder"], flat(gradients[p] for p in model.decoder.trunk.parameters()))
        close(there["logScale"], gradients[scale])
    for name, weights in parts().items():
        close(found[name], weights)
        assert not torch.allclose(before[name], weights, atol=1e-3)


# -- worlds, and the two directions of KL --------------------------------------------------------------------


def density_on_grid(law, width):
    """The cells of hour.GRID, from a density."""
    side, reach = 48, 4
    at = -reach + (torch.arange(side, dtype=torch.float64) + 0.5) * 2 * reach / side
    cells = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)
    density = law.log_prob(cells).exp()
    return density / density.sum()


@pytest.mark.parametrize(
    "name, law",
    [
        ("ring", ring()),
        ("grid", data.grid(3, 1.6)),
        ("unequal ring", Mixture([0.225, 0.025] * 4, ring().means, 0.1)),
        ("two clusters", Mixture([0.5, 0.5], [[-1.5, 0.0], [1.5, 0.0]], 0.3)),
    ],
)
def test_worlds_are_the_librarys(name, law):
    program = """const world = hour.WORLDS[given.name]();
    const x = hour.draw(world, 20000, new hour.Stream(0, "points"));
    return {centres: world.centres, std: world.std, weights: world.weights, grid: hour.worldOnGrid(world), x}"""
    found = node(program, name=name)
    order = lambda centres: sorted(tuple(round(v, 9) + 0.0 for v in centre) for centre in centres)
    assert order(found["centres"]) == order(law.means.tolist()) and math.isclose(found["std"], law.std)
    blurred = Mixture(law.weights, law.means, math.hypot(law.std, 0.25))
    close(found["grid"], density_on_grid(blurred, 0.25), 1e-9)
    x = torch.tensor(found["x"], dtype=torch.float64).reshape(-1, 2)
    nearest = torch.cdist(x, torch.tensor(found["centres"], dtype=torch.float64)).argmin(-1)
    shares = torch.bincount(nearest, minlength=len(law.weights)) / len(x)
    weights = torch.tensor(found["weights"], dtype=torch.float64)
    assert (shares - weights).abs().max() < 4 * math.sqrt(0.25 / len(x))
    offset = x - torch.tensor(found["centres"], dtype=torch.float64)[nearest]
    assert abs(offset.std().item() / law.std - 1) < 0.02


def gaussian(mean, std):
    return Independent(Normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)), 1)


def test_both_kl_directions_have_their_closed_form():
    program = """const [p, q] = given.worlds.map(([centre, std]) => hour.worldOnGrid(hour.mixture([centre], std)));
    return [hour.divergence(p, q), hour.divergence(q, p)]"""
    forward, reverse = node(program, worlds=[[[0.4, -0.2], 0.5], [[-0.3, 0.5], 0.6]])
    p, q = gaussian([0.4, -0.2], math.hypot(0.5, 0.25)), gaussian([-0.3, 0.5], math.hypot(0.6, 0.25))
    assert math.isclose(forward, kl_divergence(p, q), rel_tol=1e-6)
    assert math.isclose(reverse, kl_divergence(q, p), rel_tol=1e-6)
    assert abs(forward - reverse) > 0.1


def test_points_enter_by_their_kernel_and_the_bias_has_the_sign_that_the_page_says():
    """Noise makes both divergences smaller, few points make their estimates larger on average."""
    program = """const world = hour.mixture([[0.4, -0.2]], 0.5), other = hour.mixture([[-0.3, 0.5]], 0.8);
    const p = hour.worldOnGrid(world), told = [];
    for (const n of [100, 1000]) {
      for (let seed = 0; seed < 240; seed++) {
        const q = hour.pointsOnGrid(hour.draw(other, n, new hour.Stream(seed, "points")));
        told.push([hour.divergence(p, q), hour.divergence(q, p)]);
      }
    }
    const three = hour.pointsOnGrid(Float64Array.from([0, 0, 1, -1, 9, 0]));
    return {told, three}"""
    found = node(program)
    few, many = torch.tensor(found["told"], dtype=torch.float64).reshape(2, 240, 2)
    sharp = gaussian([0.4, -0.2], 0.5), gaussian([-0.3, 0.5], 0.8)
    blurred = gaussian([0.4, -0.2], math.hypot(0.5, 0.25)), gaussian([-0.3, 0.5], math.hypot(0.8, 0.25))
    for way, (a, b) in enumerate([(0, 1), (1, 0)]):
        exact = kl_divergence(blurred[a], blurred[b])
        assert exact < kl_divergence(sharp[a], sharp[b])
        error = [(sample[:, way] - exact).mean() for sample in (few, many)]
        se = [sample[:, way].std() / math.sqrt(240) for sample in (few, many)]
        assert error[0] > 4 * se[0], "too large on average"
        assert error[1] < error[0] / 3 and abs(error[1]) < 0.03, "and less so with more points"
    kernel = Mixture([1 / 3] * 3, [[0.0, 0.0], [1.0, -1.0], [4.0, 0.0]], 0.25)  # the far one counts at the border
    close(found["three"], density_on_grid(kernel, 0.25), 1e-9)


def test_coverage_is_the_librarys():
    program = """const world = hour.WORLDS["unequal ring"]();
    const x = hour.draw(hour.mixture(world.centres.slice(0, 6), 0.2), 1000, new hour.Stream(1, "points"));
    return {x, ...hour.coverage(x, world)}"""
    found = node(program)
    wanted = coverage(torch.tensor(found["x"]).reshape(-1, 2), Mixture([0.225, 0.025] * 4, ring().means, 0.1))
    assert found["covered"] == wanted["modes"].item() == 6 and math.isclose(found["good"], wanted["high quality"])
    assert 0.5 < found["good"] < 0.9


def test_streams_are_normal_and_differ_by_seed_and_name():
    program = """const draw = (seed, name) => new hour.Stream(seed, name).normals(40000);
    return [draw(0, "a"), draw(0, "a"), draw(1, "a"), draw(0, "b")]"""
    first, again, other_seed, other_name = torch.tensor(node(program), dtype=torch.float64)
    assert torch.equal(first, again)
    for stream in (first, other_seed, other_name):
        moments = torch.stack([stream, stream**2 - 1, stream**3, stream**4 - 3]).mean(-1)
        assert (moments.abs() < 4 * torch.tensor([1, 2, 15, 96]).sqrt() / 200).all(), moments
    for stream in (other_seed, other_name):
        assert abs(torch.corrcoef(torch.stack([first, stream]))[0, 1]) < 4 / 200


# -- what the page says --------------------------------------------------------------------------------------

PAGE = (ROOT / "book" / "first_hour.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S)

RUNS = """
const world = hour.WORLDS[hour.SETTINGS.world](), density = hour.worldOnGrid(world);
return [0, 1, 2, 3, 4, 5].map(seed => ["GAN", "VAE"].map(kind => {
  const player = new hour.Player(kind, seed, hour.SETTINGS), early = [];
  for (let k = 1; k <= 2000; k++) {
    player.step(world);
    if (k === 200) early.push(player.look(world, density), kind === "VAE" ? Math.exp(player.model.logScale.flat[0]) : 0);
  }
  return [early[0], player.look(world, density), early[1]];
}))
"""


def test_what_the_page_says_of_six_seeds_is_so():
    told = node(RUNS)
    assert "for each of the seeds 0 to 5" in PAGE and "After 2,000 steps" in PAGE
    assert "it covers four to six of eight. Between 55 % and 90 % of its points" in PAGE
    assert "only 40 % to 50 % of its points" in PAGE and "after 200 steps it still knows one wide cloud" in PAGE
    for (_, gan, _), (vae_early, vae, width) in told:
        assert 4 <= gan["covered"] <= 6 and 0.55 <= gan["good"] <= 0.9
        assert vae["covered"] == 8 and 0.395 <= vae["good"] <= 0.505
        assert vae_early["good"] < 0.15 and width > 1, "one wide cloud"
    covered = {seed: gan["covered"] for seed, ((_, gan, _), _) in enumerate(told)}
    assert set(covered.values()) == {4, 5, 6}, covered


def test_where_clusters_are_equally_common_the_gan_finds_almost_all():
    program = """const world = hour.WORLDS.ring();
    return [0, 1, 2].map(seed => {
      const player = new hour.Player("GAN", seed, hour.SETTINGS);
      for (let k = 0; k < 2000; k++) player.step(world);
      return player.look(world, hour.worldOnGrid(world)).covered;
    })"""
    assert set(node(program)) == {7, 8} and "finds seven or eight of them (seeds 0 to 2)" in PAGE


def test_a_seed_gives_the_same_run_however_its_steps_are_taken():
    program = """const world = hour.WORLDS.ring(), run = (seed, pause) => {
      const player = new hour.Player("GAN", seed, hour.SETTINGS);
      for (let k = 0; k < 30; k++) {
        player.step(world);
        if (pause) player.look(world, hour.worldOnGrid(world)), player.points(50);
      }
      return player.model.generator.flat;
    };
    return [run(3, false), run(3, true), run(4, false)]"""
    first, looked_at, other = node(program)
    assert first == looked_at and first != other


def test_both_models_see_the_same_minibatches():
    program = """const world = hour.WORLDS.ring();
    return ["GAN", "VAE"].map(kind => {
      const player = new hour.Player(kind, 3, hour.SETTINGS);
      for (let k = 0; k < 5; k++) player.step(world);
      return hour.draw(world, 4, player.data);
    })"""
    gan, vae = node(program)
    assert gan == vae


def test_a_loss_that_is_no_number_stops_its_model_with_its_weights():
    program = """const world = hour.WORLDS.ring(), player = new hour.Player("GAN", 0, {link: "KL", rate: 0.003});
    player.step(world);
    player.model.discriminator.flat.fill(1e200);
    player.step(world);
    const before = Array.from(player.model.generator.flat), steps = player.steps;
    player.step(world);
    return [player.broken, steps === player.steps, before.every((w, i) => w === player.model.generator.flat[i] && isFinite(w))]"""
    assert node(program) == [True, True, True]


def test_the_ten_lines_run_with_the_figures_settings_and_print_what_is_said(monkeypatch, capsys):
    monkeypatch.setenv("GANVAE_PROGRESS", "0")
    (block,) = BLOCKS
    lines = [line for line in block.splitlines() if line]
    assert len(lines) <= 10 and all(len(line) <= 88 for line in lines)
    settings = node("return [hour.SETTINGS, hour.WORLDS[hour.SETTINGS.world]()]")
    session = {"__name__": "first_hour"}
    exec(compile(block.replace("steps=2000", "steps=200"), "the block of first_hour.md", "exec"), session)
    said = capsys.readouterr().out
    assert said.count("modes:") == said.count("high quality:") == 2 and "(6 seeds)" in said
    figure, world = settings
    same, law = session["same"], session["world"]
    assert (same["batch"], same["lr"]) == (figure["batch"], figure["rate"]) and "steps=2000" in block
    assert world["weights"] == law.weights.tolist() and world["std"] == law.std
    for model in ("gan", "vae"):
        spec = session[model].model.spec
        assert list(spec.hidden) == figure["hidden"] and spec.latent == figure["latent"]
    assert session["gan"].model.objective == Match("x", Adversary(figure["link"]))
    assert session["vae"].model.objective == Reconstruct("x") + figure["weight"] * Match("z", KL())
    assert session["vae"].model.spec.activation == "leaky relu" and session["gan"].model.spec.activation == "relu"


def test_the_figure_is_on_its_page_only_and_the_book_leads_to_it():
    assert "book/first_hour" in (ROOT / "_toc.yml").read_text(encoding="utf8").split("chapters:")[1]
    for place in ("README.md", "book/intro.md"):
        assert "first_hour" in (ROOT / place).read_text(encoding="utf8"), place
    config = (ROOT / "_config.yml").read_text(encoding="utf8")
    assert "first_hour" not in config and "first_hour.js" in PAGE
    script = SCRIPT.read_text(encoding="utf8")
    assert not re.search(r"\bfetch\(|XMLHttpRequest|https?://|\bimport\b|localStorage", script)
