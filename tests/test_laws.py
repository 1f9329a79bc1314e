"""The laws that every model of the zoo obeys: gradients, who moves, what a world forgets, seeds in company, saving."""

import re
from dataclasses import replace

import pytest
import torch
from by_hand import ByHand
from tiny import assert_same_run, images, points, prepared, short, small, suited

from ganvae_lib import (
    KL,
    MMD,
    Adversary,
    Bound,
    Classify,
    Data,
    Domains,
    Match,
    Noise,
    Reconstruct,
    Run,
    Summaries,
    Unpredictable,
    World,
    adversary_activated,
    build,
    given,
    importance_weighted,
    semi_supervised,
    swapped,
    text,
    zoo,
)
from ganvae_lib.distributions.world import drawn
from ganvae_lib.objective.tools import TOOLS
from ganvae_lib.training.batches import worlds
from ganvae_lib.training.descent import adam, descend

X, Z, GAN_X, GAN_Z = Reconstruct("x"), Reconstruct("z"), Match("x", Adversary()), Match("z", Adversary())
SLEEP = Reconstruct("x", only=("theta",)) + Reconstruct("z", only=("eta",))
POINTS, IMAGES = points(), images()
SPACE = Data(points().x[:, [0, 1, 0]] + torch.randn(512, 3, generator=torch.Generator().manual_seed(5)), name="space")
TWO = Domains(POINTS, SPACE)  # two domains of different shape
TOLD_TWO = Domains(replace(POINTS, y=(POINTS.x[:, 0] > 0).long(), law=None), SPACE)
# With 8 channels a group of GroupNorm would be one channel, whose bias has no gradient but rounding; Adam magnifies it.
CONV = {"architecture": "conv", "width": 16}
THETA = {"decoder", "density", "features", "classifier"}
PLAYERS = ("theta", "eta", "phi")
NAMES = {kind.__name__: kind for kind in (Match, Reconstruct, Unpredictable, Classify, Bound, *TOOLS.values())}

# name: (objective, data, options of build)
CASES = {name: (entry, POINTS, {}) for name, entry in zoo.ALL.items()} | {
    "AAE, weighted": (X + 0.5 * GAN_Z, POINTS, {}),
    "both ways": (X + Z + GAN_X + 3 * GAN_Z, POINTS, {}),
    "wake-sleep": (SLEEP, POINTS, {}),
    "mixed": (2 * X + Reconstruct("z", only=("eta",)) + Match("z", KL()), POINTS, {}),
    "CycleGAN of two domains": (zoo.CYCLEGAN, TWO, {}),
    "CycleGAN with absolute errors": (GAN_X + GAN_Z + 10 * X + 10 * Z, TWO, {"observation": "laplace", "scale": 1.0}),
    "ALI of two domains": (zoo.ALI, TWO, {}),
    "InfoGAN with classes and noise": (zoo.INFOGAN, POINTS, {"codes": {"one-hot": 3, "uniform": 2}, "noise": 2}),
    "AAE with two kinds of code": (zoo.AAE, POINTS, {"codes": {"gaussian": 1, "uniform": 2}}),
    "AVB with an implicit encoder": (zoo.AVB, POINTS, {"codes": "implicit"}),
    "WAE with a deterministic encoder": (zoo.WAE_MMD, POINTS, {"codes": "point"}),
    "alpha-GAN with noise in x": (zoo.ALPHA_GAN, POINTS, {"noiseless": False}),
    "codes that cannot be told from recovered ones": (swapped(zoo.MDGAN), POINTS, {}),
    "codes compared within the discriminator": (
        0.5 * Reconstruct("z", within="discriminator") + GAN_X + GAN_Z,
        POINTS,
        {},
    ),
    "Wasserstein pairs": (2 * Match("xz", Adversary("Wasserstein", steps=2, penalty=3.0)), POINTS, {}),
    "hinge pairs and codes": (Match("xz", Adversary("hinge")) + 0.3 * Z, POINTS, {}),
    "MMD of pairs": (Match("xz", MMD(scales=(0.5, 2))) + 0.1 * Match("x again", MMD("gaussian")), POINTS, {}),
    "features by MMD": (Classify() + 3 * Match("features", MMD("gaussian", (1.0,))), POINTS, {}),
    "codes by summaries": (X + 2 * Match("z", Summaries(("mean",))), POINTS, {}),
    "unpredictable points": (GAN_X - 0.1 * Unpredictable("x") + X, POINTS, {}),
    "pairs for one player each": (Match("xz", Adversary("KL"), only=("theta",)) + X + Match("z", KL()), POINTS, {}),
    "IWGAN in groups of 4": (importance_weighted(zoo.GAN, 4), POINTS, {}),
    "IWCVAE": (importance_weighted(given(zoo.VAE), 3), POINTS, {}),
    "IWSVAE with an activated adversary": (
        adversary_activated(semi_supervised(importance_weighted(zoo.VAE, 2), 5.0)),
        POINTS,
        {},
    ),
    "ALI given labels": (given(zoo.ALI), POINTS, {}),
    "AAE given labels": (given(zoo.AAE), POINTS, {}),
    "InfoGAN given labels": (given(zoo.INFOGAN), POINTS, {"noise": 2}),
    "AVB given labels": (given(zoo.AVB), POINTS, {"codes": "implicit"}),
    "CycleGAN of two domains given labels": (given(zoo.CYCLEGAN), TOLD_TWO, {}),
    "importance-weighted features": (importance_weighted(zoo.ADA, 4), POINTS, {}),
    "CGAN on images by one convolution": (zoo.CGAN, IMAGES, CONV | {"depth": 1}),
    "CGAN on images by two convolutions": (zoo.CGAN, IMAGES, CONV | {"depth": 2}),
    "AASVAE on images by convolutions": (adversary_activated(zoo.SVAE), IMAGES, CONV | {"observation": "gaussian"}),
}
ALL = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
ON_IMAGES = pytest.mark.parametrize("objective", zoo.ALL.values(), ids=zoo.ALL)


def made(case, **options):
    """The model of a case, and data that suit it."""
    objective, data, own = case
    data = suited(objective, data)
    return small(objective, data, **own, **options), data


def player(network):
    return "theta" if network in THETA else "eta" if network in ("encoder", "labeller") else "phi"


# ---------------------------------------------------------------- gradients


def assert_gradients_are_those_by_hand(objective, data, **options):
    model, world = prepared(objective, data, **options)
    hand = ByHand(model, world, 3)
    for phase in objective.phases():
        parameters = {p: model.of((p,)) for p in phase.players}
        flat = [q for p in phase.players for q in parameters[p]]
        losses = phase.losses(world)
        found = iter(torch.autograd.grad(phase.total(losses), flat, retain_graph=True))
        for term, loss in zip(phase.terms, losses.values(), strict=True):
            expected = hand.critic(term) if phase.discriminates else hand.loss(term)
            torch.testing.assert_close(loss, expected, rtol=1e-8, atol=1e-12)
        for who in phase.players:
            if who == "phi":
                total = sum(hand.critic(t) for t in objective.adversaries if t.steps == phase.steps)
            else:
                total = sum(t.weight * hand.loss(t) for t in objective.terms if who in t.movers)
            for expected in torch.autograd.grad(total, parameters[who]):
                torch.testing.assert_close(next(found), expected, rtol=1e-6, atol=1e-9)


@ALL
def test_each_phase_has_the_gradient_written_by_hand(case):
    objective, data, options = case
    assert_gradients_are_those_by_hand(objective, data, **options)


@ON_IMAGES
def test_each_phase_has_the_gradient_written_by_hand_on_images(objective):
    explicit = any(
        isinstance(t, Bound) or (isinstance(t, Reconstruct) and t.variable == "x" and not t.within)
        for t in objective.terms
    )
    options = {"observation": "gaussian"} if explicit else {}
    assert_gradients_are_those_by_hand(objective, images(4, binary=False), **options)


def reached(value, model):
    """The players on whom a tensor depends."""
    return frozenset(
        who
        for who in PLAYERS
        if value.requires_grad
        and (mine := model.of((who,)))
        and any(g is not None for g in torch.autograd.grad(value.sum(), mine, retain_graph=True, allow_unused=True))
    )


@ALL
def test_a_world_knows_on_whom_each_variable_depends(case):
    """So it forgets, when a player has moved, exactly what that player has made."""
    objective, data, options = case
    model, world = prepared(objective, data, **options)
    for phase in objective.phases():
        phase.losses(world)
    for name, value in world.memory.items():
        if isinstance(value, torch.Tensor):
            assert reached(value, model) == vars(World)[name].depends, name


@ALL
def test_after_a_phase_only_its_players_have_moved(case):
    model, data = made(case)
    model, noise = model.copies([0, 1]), Noise([0, 1])
    next_world, _ = worlds(model, data, 16, noise, torch.device("cpu"))
    world = next_world()
    for phase in model.objective.phases():
        before = {n: v.clone() for n, v in model.state_dict().items()}
        rates = dict.fromkeys(PLAYERS, 1e-2)
        losses = descend(phase, world, adam(model, phase.players, rates, (0.5, 0.9), torch.device("cpu")))
        assert all(loss.shape == (2,) and loss.isfinite().all() for loss in losses.values())
        world.moved(phase.players)
        assert not {n for n in world.memory if vars(World)[n].depends & set(phase.players)}
        for name, value in model.state_dict().items():
            moved = not torch.equal(value, before[name])
            assert not moved or player(name.split(".")[1]) in phase.players, name
        for who in phase.players:
            assert any(
                not torch.equal(v, before[n]) for n, v in model.state_dict().items() if player(n.split(".")[1]) == who
            )
        assert all(p.grad is None for p in model.parameters())


def test_every_variable_of_a_world_says_on_whom_it_depends():
    """The test above has seen them all."""
    names, seen = {n for n, v in vars(World).items() if isinstance(v, drawn)}, set()
    for objective, data, options in CASES.values():
        model, world = prepared(objective, data, **options)
        for phase in objective.phases():
            phase.losses(world)
        seen |= world.memory.keys()
    assert seen == names


# ---------------------------------------------------------------- seeds in company


def sizes(objective):
    """MMD is a difference of means of kernels, each of them at most as large as the number of its scales."""
    return {t.name: float(len(t.tool.scales)) for t in objective.terms if isinstance(getattr(t, "tool", None), MMD)}


@ALL
def test_a_seed_in_company_equals_the_seed_alone(case):
    model, data = made(case)
    together, alone = (short(model, data, seeds=seeds) for seeds in ([5, 0, 2], [2]))
    assert_same_run(together, alone, 2, sizes(model.objective))


@ON_IMAGES
def test_a_seed_in_company_equals_the_seed_alone_on_images(objective):
    model, data = made((objective, IMAGES, CONV))
    together, alone = (short(model, data, 20, seeds=seeds, batch=8) for seeds in ([5, 2], [2]))
    assert_same_run(together, alone, 1, sizes(objective))


# ---------------------------------------------------------------- a run: everyone learns, and it can be kept


def assert_a_run_is_whole(model, data, path):
    run = short(model, data, steps=4, seeds=[3, 8], lr=1e-2)
    start = model.copies([3, 8]).state_dict()
    assert all(curve.shape == (4, 2) and curve.isfinite().all() for curve in run.history.values())
    shifts = {
        f"networks.{t.discriminator}.trunk.{len(model.networks[t.discriminator].trunk) - 1}.bias"
        for t in model.objective.adversaries
        if getattr(t, "tool", None) and t.tool.link in ("hinge", "Wasserstein")
    }  # they ask for differences of t only
    for name, value in run.model.named_parameters():  # every other parameter of a player has had a gradient
        assert name in shifts or all(not torch.equal(value[k], start[name][k]) for k in range(2)), name

    again = Run.load(run.save(path))
    assert again.model.objective == model.objective and again.model.config == model.config
    assert all(torch.equal(again.history[key], run.history[key]) for key in run.history)
    both, named = ([], []), {"labels": data.y[:5]} if model.objective.conditional else {}
    for kept, found in zip((run, again), both, strict=True):
        if {"decoder", "density"} & set(model.networks):
            z = {"z": data.other[:5]} if hasattr(model.prior, "shape") else {}
            found += [kept.sample(5, **z, **named)]
        if "encoder" in model.networks:
            found += [kept.infer(data.x[:5], **named)]
        some = lambda what: what[:8].expand(2, 8, *what.shape[1:])
        labels = some(data.y) if "labels" in model.reads else None
        other = some(data.other) if "other" in model.reads else None
        world = World(kept.model, some(data.x), Noise([0, 1]), labels, other)
        found += [loss for phase in model.objective.phases() for loss in phase.losses(world).values()]
    for a, b in zip(*both, strict=True):
        assert torch.equal(a, b) and a.isfinite().all() and a.shape[0] == 2


@ALL
def test_everyone_learns_and_the_run_can_be_kept(case, tmp_path):
    model, data = made(case)
    assert_a_run_is_whole(model, data, tmp_path)


@ON_IMAGES
def test_everyone_learns_and_the_run_can_be_kept_on_images(objective, tmp_path):
    model, data = made((objective, IMAGES, {}), architecture="conv", width=8)
    assert_a_run_is_whole(model, data, tmp_path)


def test_convolutions_translate_between_images(tmp_path):
    data = Domains(IMAGES, images(seed=1, binary=False))
    model = small(zoo.CYCLEGAN, data, architecture="conv", width=8, observation="gaussian")
    assert_a_run_is_whole(model, data, tmp_path)
    run = short(model, data, steps=2)
    assert run.sample(3, z=data.other[:3]).shape == run.infer(data.x[:3]).shape == (1, 3, 1, 8, 8)
    assert run.reconstruct(data.x[:3]).isfinite().all()


CHAINS = {
    "PixelCNN": (zoo.PIXELCNN, images(4), {"density": "pixelcnn"}),
    "PixelRNN": (zoo.PIXELRNN, images(4), {"density": "pixelrnn"}),
    "RNN language model": (zoo.RNN_LM, text(length=8)[:200], {"hidden": (8,)}),
}


@pytest.mark.parametrize("case", CHAINS.values(), ids=CHAINS)
def test_autoregressive_models_obey_the_laws_of_a_run(case, tmp_path):
    objective, data, options = case
    model = build(objective, data, **{"width": 8, **options})
    assert_a_run_is_whole(model, data, tmp_path)
    together, alone = (short(model, data, 20, seeds=seeds, batch=8) for seeds in ([5, 2], [2]))
    assert_same_run(together, alone, 1)


# ---------------------------------------------------------------- printed forms


@ALL
def test_objectives_print_a_line_per_player(case):
    objective, _, _ = case
    text, *lines = str(objective).splitlines()
    assert text == repr(objective) and eval(text, NAMES) == objective
    assert [line.split(" descends ")[0].strip() for line in lines] == [
        "θηφ"[PLAYERS.index(p)] for p in objective.players
    ]
    assert all(re.search(r"descends \S", line) for line in lines)
    assert not re.search(r"[\\{}]", re.sub(r"[_^]\{[^{}]*\}", "", str(objective)))  # nothing of LaTeX but subscripts
    latex = objective._repr_latex_()
    rows = latex.split("\n")[1:-1]
    assert [re.match(r"\\min_\{\\(\w+)\}\\;& \S", row)[1] for row in rows] == list(objective.players)
    for opening, closing in ("{}", "[]", "()"):
        assert latex.count(opening) == latex.count(closing)
    table = objective.explain()
    assert len(table.rows) == len(objective.terms) and all(cell for row in table.rows for cell in row)
    if any(isinstance(term, Bound) for term in objective.terms):
        with pytest.raises(TypeError, match="is a bound on the likelihood of x, which has no mirror image in z"):
            swapped(objective)
    else:
        assert swapped(swapped(objective)) == objective
