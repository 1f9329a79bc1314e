"""Two domains: examples of both in a step, features that move on both sides, a classifier, accuracy."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest
import torch
from tiny import KEPT, drift
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from ganvae_lib import (
    LINKS,
    Adversary,
    Classify,
    Data,
    Domains,
    Match,
    Model,
    Noise,
    Run,
    World,
    accuracy,
    build,
    draw,
    fit,
    interval,
    load,
    nets,
    zoo,
)

MODELS = {"source only": zoo.SOURCE_ONLY, "DANN": zoo.DANN, "ADA": zoo.ADA}


def two_domains(source=96, target=80):
    """Three classes in the plane; the target is moved and in another order, its labels are of no use."""
    g = torch.Generator().manual_seed(3)
    y = torch.arange(source) % 3
    x = torch.randn(source, 2, generator=g) / 3 + torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])[y]
    other = x[torch.randperm(source, generator=g)[:target]] + torch.tensor([0.5, -0.3])
    return Domains(Data(x, y, "source", note="drawn"), Data(other, name="target", note="moved"))


def small(objective, data, **options):
    return build(objective, data, **{"hidden": (16,), "latent": 3, **options})


def one_step(objective, seeds=0, batch=32):
    """A model and a minibatch for it."""
    data = two_domains()
    model = small(objective, data).copies(seeds)
    lead = model.seeds_shape
    of = lambda part: part[:batch].expand(*lead, *part[:batch].shape)
    return model, World(model, of(data.x), Noise(seeds), of(data.y), of(data.other))


# ---------------------------------------------------------------- data


def test_domains_stand_where_data_stand():
    data = two_domains()
    assert (len(data), data.shape, data.classes, data.law) == (96, (2,), 3, None)
    assert data.x is data.source.x and data.y is data.source.y and data.other is data.target.x
    assert data.name == "source -> target" and data.note == "source: drawn; target: moved"
    assert data.digest == f"{data.source.digest} {data.target.digest}"
    assert repr(data).startswith("Domains(Data('source': 96 examples of shape (2,), 3 classes), Data('target': 80")


def test_domains_of_two_shapes_are_told_apart():
    square, points = Data(torch.zeros(4, 1, 8, 8), name="squares"), Data(torch.zeros(4, 2), name="points")
    with pytest.raises(ValueError, match=r"one shape, got \(1, 8, 8\) in squares and \(2,\) in points; resize"):
        Domains(square, points).one_shape()
    labelled = Data(square.x, torch.tensor([0, 1, 0, 1]), name="squares")
    with pytest.raises(ValueError, match="one shape"):
        build(zoo.ADA, Domains(labelled, points))


def test_map_changes_x_alone_and_says_so():
    digits = load("digits")
    inverted = digits.map(lambda x: 1 - x, "inverted digits")
    assert torch.equal(inverted.x, 1 - digits.x) and inverted.y is digits.y
    assert inverted.name == "inverted digits" and inverted.note.startswith("inverted digits, from digits; ")
    assert digits.map(lambda x: x, "same").digest == digits.digest != inverted.digest
    assert load("moons", fraction=0.01).map(lambda x: -x, "turned").law is None  # it is not drawn from the toy


def test_map_refuses_what_is_no_data():
    with pytest.raises(ValueError, match="NaN or infinity"):
        load("digits", fraction=0.1).map(lambda x: x / 0, "broken")


# ---------------------------------------------------------------- objectives


@pytest.mark.parametrize(
    "objective, reads",
    [
        (zoo.SOURCE_ONLY, ("labels",)),
        (zoo.ADA, ("labels", "other")),
        (zoo.DANN, ("labels", "other")),
        (Match("features", Adversary()), ("other",)),
        (zoo.GAN, ()),
        (zoo.VAE, ()),
    ],
)
def test_what_a_minibatch_must_hold(objective, reads):
    assert objective.reads == reads


@pytest.mark.parametrize("link", ["least squares", "hinge", "Wasserstein", "f-KL", "f-reverse KL", "f-JS"])
def test_features_need_a_link_that_can_be_reversed(link):
    with pytest.raises(ValueError, match="link that can be reversed, minimax, non-saturating, KL, reverse KL"):
        Match("features", Adversary(link))


@pytest.mark.parametrize("link", [name for name, link in LINKS.items() if link.logistic])
def test_the_logistic_links_can_be_reversed(link):
    model, world = one_step(Match("features", Adversary(link)))
    both = {
        place: model.discriminator_features(getattr(world, place)).logits for place in ("features", "other_features")
    }
    # By hand, from D and 1 - D: what y=0 wants of D, y=1 wants of 1 - D.
    wanted = {
        "minimax": lambda D: (1 - D).log(),
        "non-saturating": lambda D: -D.log(),
        "KL": lambda D: -D / (1 - D),
        "reverse KL": lambda D: -(D / (1 - D)).log(),
    }[link]
    by_hand = wanted(both["other_features"].sigmoid()).mean() + wanted(1 - both["features"].sigmoid()).mean()
    assert model.objective.loss(world).item() == pytest.approx(by_hand.item(), rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_every_player_descends_what_is_written_by_hand(name):
    objective = MODELS[name]
    model, world = one_step(objective)
    names = model.networks
    x, labels, other = world.x, world.labels, world.other

    def by_hand(player):
        source, target = names["features"](x).mean, names["features"](other).mean
        loss = cross_entropy(names["classifier"](source).logits, labels) if player == "theta" else 0.0
        if name == "source only":
            return loss
        t_source, t_target = (names["discriminator_features"](part).logits for part in (source, target))
        answers = (softplus(-t_source) + softplus(t_target)).mean()  # -log D on the source, -log(1-D) on the target
        reversed_answers = (softplus(t_source) + softplus(-t_target)).mean()
        if player == "phi":
            return answers
        return loss + (reversed_answers if name == "ADA" else -answers)

    phases = objective.phases()
    assert [p.players for p in phases] == ([("theta",)] if name == "source only" else [("phi",), ("theta",)])
    for phase in phases:
        parameters = model.of(phase.players)
        ours = torch.autograd.grad(phase.total(phase.losses(world)), parameters)
        theirs = torch.autograd.grad(by_hand(*phase.players), parameters)
        assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-7) for a, b in zip(ours, theirs, strict=True))
        world.moved(phase.players)


def test_a_weight_scales_the_adversary_for_theta_and_not_for_phi():
    weighted = Classify() + 0.3 * Match("features", Adversary("minimax"))
    model, world = one_step(weighted)
    critic, makers = weighted.phases()
    losses = makers.losses(world)
    total = losses["classify"] + 0.3 * losses["match features"]
    assert makers.total(losses).item() == pytest.approx(total.item(), rel=1e-6)
    value = critic.losses(world)["match features, discriminator"]
    assert critic.total(critic.losses(world)).item() == pytest.approx(value.item(), rel=1e-6)
    assert losses["match features"].item() == pytest.approx(-value.item(), rel=1e-5)  # one value, two players


def test_a_lost_discriminator_and_a_lost_classifier_cost_logarithms():
    model, world = one_step(zoo.ADA)
    for net in ("classifier", "discriminator_features"):
        for p in model.networks[net].parameters():
            nn.init.zeros_(p)
    critic, makers = zoo.ADA.phases()
    assert critic.losses(world)["match features, discriminator"].item() == pytest.approx(math.log(4), rel=1e-6)
    losses = makers.losses(world)
    assert losses["match features"].item() == pytest.approx(math.log(4), rel=1e-6)
    assert losses["classify"].item() == pytest.approx(math.log(3), rel=1e-6)


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("objective", MODELS.values(), ids=MODELS)
def test_a_seed_in_company_equals_the_seed_alone(objective):
    data = two_domains()
    model = small(objective, data)
    company, alone = (fit(model, data, 30, batch=16, seeds=seeds, lr=1e-3) for seeds in ([4, 0, 7], [7]))
    for key in company.history:
        assert drift(company.history[key][:, 2:], alone.history[key]) < KEPT
    test = replace(data.source, x=data.source.x + 0.1)
    assert accuracy(company.model, test)[2] == accuracy(alone.model, test)[0]


def test_domains_of_different_sizes_and_a_batch_larger_than_either():
    data = two_domains(source=20, target=50)
    run = fit(small(zoo.ADA, data), data, 5, batch=64, seeds=2)
    assert run.history["classify"].shape == (5, 2) and run.data["name"] == "source -> target"


def test_labels_of_the_target_are_never_read():
    data = two_domains()
    nonsense = replace(data.target, y=torch.arange(len(data.target)) % 7)
    runs = [fit(small(zoo.ADA, d), d, 5, batch=16) for d in (data, Domains(data.source, nonsense))]
    assert all(torch.equal(runs[0].history[key], runs[1].history[key]) for key in runs[0].history)


@pytest.mark.parametrize("objective", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_saved_run_comes_back(objective, seeds, tmp_path):
    data = two_domains()
    run = fit(small(objective, data), data, 4, batch=16, seeds=seeds)
    back = Run.load(run.save(tmp_path))
    assert back.model.objective == objective and back.data == run.data
    assert torch.equal(accuracy(back.model, data.source), accuracy(run.model, data.source))
    for key in run.history:
        assert torch.equal(back.history[key], run.history[key])


def test_the_sources_classes_are_learned_and_evaluated():
    data = two_domains()
    run = fit(small(zoo.SOURCE_ONLY, data), data, 200, batch=32, seeds=2, lr=1e-2)
    scores = run.evaluate(data.source)
    assert (scores["accuracy"] > 0.9).all() and "accuracy: " in repr(scores)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda d: small(zoo.ADA, replace(d.source, y=None)), "learns from labels; give data with labels y"),
        (lambda d: small(zoo.SOURCE_ONLY, (2,)), "learns from labels"),
        (
            lambda d: small(zoo.ADA, d.source),
            r"two domains, or.*; put them together with data.Domains\(source, target\)",
        ),
        (lambda d: fit(small(zoo.ADA, d), d.source, 2), "two domains, or.*; put them together"),
        (
            lambda d: fit(small(zoo.ADA, d), Domains(replace(d.source, y=None), d.target), 2),
            "does not have; give data with y",
        ),
        (lambda d: fit(small(zoo.ADA, d, classes=2), d, 2), "tells 2 classes apart, the data have 3"),
        (
            lambda d: Model(zoo.ADA, {"features": nets.Features(nets.mlp((2,), (), 2))}, nets.StandardNormal(2)),
            "needs the networks classifier, discriminator_features",
        ),
    ],
)
def test_mistakes_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make(two_domains())


# ---------------------------------------------------------------- accuracy and drawing


def by_sign():
    """A classifier of the sign of the first coordinate, with the identity as features."""
    trunk, head = nets.Linear(2, 2), nets.Linear(2, 2)
    with torch.no_grad():
        trunk.weight.copy_(torch.eye(2)), trunk.bias.zero_(), head.bias.zero_()
        head.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    networks = {"features": nets.Features(trunk), "classifier": nets.Classifier(head)}
    return Model(zoo.SOURCE_ONLY, networks, nets.StandardNormal(2))


def test_accuracy_counts_what_is_named_rightly():
    x = torch.tensor([[1.0, 5.0], [-2.0, 0.0], [3.0, -1.0], [-0.5, 2.0]])
    for y, share in (([1, 0, 1, 0], 1.0), ([0, 1, 0, 1], 0.0), ([1, 0, 1, 1], 0.75)):
        value = accuracy(by_sign(), Data(x, torch.tensor(y)))
        assert value.tolist() == [share] and value.dtype == torch.float64


def test_accuracy_per_seed_and_over_pieces():
    model = by_sign().copies([0, 1], fresh=False)
    with torch.no_grad():
        model.classifier.trunk.weight[1] *= -1  # the second copy names everything wrongly
    x = torch.randn(40_001, 2, generator=torch.Generator().manual_seed(0))  # more than one piece
    assert accuracy(model, Data(x, (x[:, 0] > 0).long())).tolist() == [1.0, 0.0]


def test_accuracy_needs_a_classifier_and_labels():
    data = load("ring", fraction=0.01)
    with pytest.raises(TypeError, match="has no classifier"):
        accuracy(build(zoo.GAN, data), data)
    with pytest.raises(ValueError, match="points has no labels y"):
        accuracy(by_sign(), Data(torch.zeros(3, 2), name="points"))


@pytest.mark.parametrize(
    "objective, shown", [(zoo.ADA, {"$z$", "$x$", "$t$", "$y$"}), (zoo.SOURCE_ONLY, {"$z$", "$x$", "$t$"})]
)
def test_the_graph_of_features(objective, shown):
    matplotlib.use("Agg")
    ax = draw.schematic(objective)
    texts = {text.get_text() for text in ax.texts}
    assert shown == {text for text in texts if len(text) == 3}
    assert (r"$q_\phi(y|x)$" in texts) == bool(objective.adversaries)
    matplotlib.pyplot.close(ax.figure)


# ---------------------------------------------------------------- the script of the full scale


def test_the_script_trains_the_zoos_objectives_on_images_of_one_shape():
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
    import adaptation

    assert {name: adaptation.objective(name) for name in adaptation.LINKS} == MODELS
    flat = torch.full((2, 1, 28, 28), 0.3)
    assert torch.allclose(adaptation.shrink(flat), torch.full((2, 1, 16, 16), 0.3))
    x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(adaptation.turn(x, 0.0), x, atol=1e-5)
    assert torch.allclose(adaptation.turn(x, 90.0), x.rot90(1, (2, 3)), atol=1e-4)  # against the clock, as in the plane


def test_the_record_of_mnist_to_usps_is_what_the_chapter_reads():
    card = json.loads((Path(__file__).resolve().parents[1] / "results" / "adaptation.json").read_text(encoding="utf8"))
    assert len(card["seeds"]) == 8 and not set(card["seeds"]) & set(card["pilot"]["seeds"])
    for model, scores in card["accuracy"].items():
        values = torch.tensor(scores["target"]["values"], dtype=torch.float64)
        mean, half = interval(values)
        assert mean == pytest.approx(scores["target"]["mean"], abs=1e-4), model
        assert half == pytest.approx(scores["target"]["half_width_95"], abs=2e-4), model
    for model, chosen in card["chosen"].items():
        best = max(
            (row for row in card["pilot"]["rows"] if row["model"] == model), key=lambda row: row["accuracy"]["mean"]
        )
        assert (best["lr"], best["weight"]) == (chosen["lr"], chosen["weight"])
    for model in ("ADA", "DANN"):  # what the chapter says of the two
        gain = card["gain"][model]
        assert gain["mean"] - gain["half_width_95"] > 0
