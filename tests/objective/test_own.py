"""Tools, terms, links and spaces of one's own, defined in this file: they print, train, stack, save and load."""

import json
from dataclasses import dataclass, replace

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from ganvae_lib import (
    LINKS,
    MMD,
    SPACES,
    Adversary,
    Batch,
    Link,
    Match,
    Model,
    Noise,
    Reconstruct,
    Space,
    Term,
    build,
    draw,
    fit,
    given,
    load,
    nets,
    swapped,
    zoo,
)
from ganvae_lib.distributions.batch import drawn
from ganvae_lib.distributions.noise import Share
from ganvae_lib.objective import TERMS, TOOLS, Tool, Writer, from_dict, to_dict

matplotlib.use("Agg")
RING = load("ring")


@dataclass(frozen=True)
class MeanGap(Tool):
    """The distance of the means: no discriminator, no link."""

    power: float = 2.0
    whole_batches = True

    def loss(self, batch, space, discriminator=None):
        target, made = (torch.cat(batch.read(side), -1).mean(-2) for side in (space.target, space.made))
        return (target - made).abs().pow(self.power).sum(-1)

    def formula(self, w, space, player):
        return rf"\|m({space.made_law(w)})-m({space.target_law(w)})\|^2"


@dataclass(frozen=True)
class Margin(Tool):
    """A discriminator with a square loss: an adversary that knows no links."""

    targets: tuple[float, float] = (1.0, 0.0)
    adversarial = True
    steps = 1
    takes_labels = True

    def loss(self, batch, space, discriminator=None):
        return (discriminator(*batch.read(space.made)).logits - self.targets[0]).square().mean(-1)

    def discriminator_loss(self, discriminator, target, model, noise):
        answers = discriminator(*target).logits, discriminator(*model).logits
        return sum((t - aim).square().mean(-1) for t, aim in zip(answers, self.targets, strict=True))

    def formula(self, w, space, player):
        t = w.at(space.made_arguments, space.separator).t
        if player == "phi":
            return rf"\mathbb{{E}}_{{{space.target_law(w)}}}[(t_\phi-c)^2] + \mathbb{{E}}_{{{space.made_law(w)}}}[(t_\phi-c)^2]"
        return rf"\mathbb{{E}}_{{{space.made_law(w)}}}[({t}-{self.targets[0]:g})^2]"


@dataclass(frozen=True)
class Small(Term):
    """Codes should be small."""

    size: float
    scale: float = 1.0
    space = "z"
    reaches = ("eta",)
    networks = ("encoder",)

    def loss(self, batch):
        return batch.z_from_x.square().sum(-1).mean(-1) / self.scale - self.size

    def formula(self, w, player):
        return rf"\mathbb{{E}}_{{{w.q('z')}}}[\|z\|^2]"


class Constant(Term):
    """No fields of its own, and so nothing to decorate."""

    space = "x"
    reaches = ("theta",)
    networks = ("decoder",)

    def loss(self, world):  # any name will do, and early users have this one
        return world.x_from_z.mean((-2, -1))

    def formula(self, w, player):
        return rf"\mathbb{{E}}_{{{w.p('x')}}}[x]"


SOFT = Link(
    real=lambda t: -t.sigmoid(),
    fake=lambda t: t.sigmoid(),
    generator=lambda t: -t.sigmoid(),
    real_tex=lambda w: f"-{w.D}",
    fake_tex=lambda w: w.D,
    generator_tex=lambda w: f"-{w.D}",
    descends=r"\mathrm{TV}(d,g)",
    reversible=True,
)
TURNED = Space(
    target=("x",),
    target_law=lambda w: w.d,
    made=("x_turned",),
    made_by=("theta",),
    made_law=lambda w: rf"R\,{w.p('x')}",
    sees=("x",),
    mirror="turned",
)


@pytest.fixture
def own(monkeypatch):
    """A link, a variable of the batch and a space, for one test."""

    def x_turned(batch):
        return batch.x_from_z.flip(-1)

    monkeypatch.setitem(LINKS, "soft", SOFT)
    monkeypatch.setitem(SPACES, "turned", TURNED)
    monkeypatch.setattr(Batch, "x_turned", drawn("theta")(x_turned), raising=False)


def linear(objective):
    """A model of points with linear networks."""
    networks = {
        "encoder": nets.Encoder(nn.Linear(2, 4)),
        "decoder": nets.Decoder(nn.Linear(2, 2), nets.Gaussian(), (2,)),
        "discriminator_x": nets.Discriminator(nn.Linear(2, 1)),
        "discriminator_z": nets.Discriminator(nn.Linear(2, 1)),
    }
    return Model(objective, {n: networks[n] for n in objective.networks}, nets.StandardNormal(2))


GAN_LINES = {"phi": r"\mathbb{E}_{d(x)}[-D_\phi(x)] + \mathbb{E}_{p_\theta(x)}[D_\phi(x)]"}
# what it is: how it is made, its text, its lines, its row
CASES = {
    "a tool": (
        lambda: Match("x", MeanGap()),
        "Match('x', MeanGap())",
        {"theta": r"\|m(p_\theta(x))-m(d(x))\|^2"},
        ("x", "MeanGap", "θ", "neither: not a KL"),
    ),
    "a tool with a field, of pairs": (
        lambda: 0.5 * Match("xz", MeanGap(power=4.0), only=("eta",)),
        "0.5 * Match('xz', MeanGap(power=4), only=('eta',))",
        {"eta": r"0.5\,\|m(p(z)\,p_\theta(x|z))-m(d(x)\,q_\eta(z|x))\|^2"},
        ("xz", "MeanGap", "η", "absent (eta: neither: not a KL)"),
    ),
    "a tool with a discriminator": (
        lambda: Match("z", Margin((0.5, 0.0))),
        "Match('z', Margin(targets=(0.5, 0.0)))",
        {
            "eta": r"\mathbb{E}_{q_\eta(z)}[(t_\phi(z)-0.5)^2]",
            "phi": r"\mathbb{E}_{p(z)}[(t_\phi-c)^2] + \mathbb{E}_{q_\eta(z)}[(t_\phi-c)^2]",
        },
        ("z", "Margin", "η against φ", "absent (eta: neither: not a KL)"),
    ),
    "a term": (
        lambda: Reconstruct("x", only=("theta",)) + 3 * Small(1.0, scale=2.5),
        "Reconstruct('x', only=('theta',)) + 3 * Small(1, scale=2.5)",
        {
            "theta": r"\mathbb{E}_{d(x)\,q_\eta(z|x)}[-\log p_\theta(x|z)]",
            "eta": r"3\,\mathbb{E}_{q_\eta(z)}[\|z\|^2]",
        },
        ("z", "small", "η", "absent (eta: neither: not a KL)"),
    ),
    "a term without fields": (
        lambda: -1 * Constant(),
        "-1 * Constant()",
        {"theta": r"-1\,\mathbb{E}_{p_\theta(x)}[x]"},
        ("x", "constant", "θ", "neither: not a KL"),
    ),
    "a link": (
        lambda: Match("x", Adversary("soft")),
        "Match('x', Adversary('soft'))",
        {"theta": r"\mathbb{E}_{p_\theta(x)}[-D_\phi(x)]", **GAN_LINES},
        ("x", "Adversary (soft)", "θ against φ", "neither: not a KL"),
    ),
    "a space": (
        lambda: Match("turned", MMD()) + Match("x", MMD()),
        "Match('turned', MMD('inverse multiquadric')) + Match('x', MMD('inverse multiquadric'))",
        {"theta": r"\mathrm{MMD}^2(R\,p_\theta(x),\,d(x)) + \mathrm{MMD}^2(p_\theta(x),\,d(x))"},
        ("x", "MMD", "θ", "neither: not a KL"),
    ),
    "an adversary in a space": (
        lambda: Match("turned", Adversary()),
        "Match('turned', Adversary('non-saturating'))",
        {
            "theta": r"\mathbb{E}_{R\,p_\theta(x)}[-\log D_\phi(x)]",
            "phi": r"\mathbb{E}_{d(x)}[-\log D_\phi(x)] + \mathbb{E}_{R\,p_\theta(x)}[-\log(1-D_\phi(x))]",
        },
        ("turned", "Adversary (non-saturating)", "θ against φ", "first"),
    ),
}
ALL = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@ALL
def test_it_prints(own, case):
    make, text, lines, row = case
    objective = make()
    assert repr(objective) == text and str(objective).splitlines()[0] == text
    assert objective.lines() == lines
    assert objective.explain().rows[-1][1:] == row
    letters = [text.get_text() for text in draw.schematic(objective).texts]
    plt.close("all")
    assert ("$y$" in letters) == bool(objective.adversaries) and "$x$" in letters


@ALL
def test_a_seed_in_company_is_the_seed_alone(own, case):
    model = linear(case[0]())
    options = dict(steps=5, batch=16, log_every=1, device="cpu", progress=False, lr=1e-2)
    together, alone = (fit(model, RING, seeds=seeds, **options) for seeds in ([4, 1], [1]))
    assert set(together.history) == set(alone.history) and together.history
    for key, curve in together.history.items():
        torch.testing.assert_close(curve[:, 1], alone.history[key][:, 0], rtol=1e-5, atol=1e-5)
    start = model.copies([4, 1]).state_dict()
    for name, value in together.model.state_dict().items():
        torch.testing.assert_close(value[1], alone.model.state_dict()[name], rtol=1e-5, atol=1e-5)
    moved = {name.split(".")[1] for name, p in together.model.named_parameters() if not torch.equal(p, start[name])}
    assert moved >= {n for n in model.networks if n.startswith("discriminator")} and moved


@ALL
def test_it_comes_back_from_json(own, case):
    objective = case[0]()
    assert from_dict(json.loads(json.dumps(to_dict(objective)))) == objective


def test_only_what_is_not_the_librarys_says_where_it_is_from():
    first, second = to_dict(Match("x", MeanGap()) + Small(2.0))
    tool = {"name": "MeanGap", "from": f"{__name__}.MeanGap", "power": 2.0}
    assert first == {"term": "Match", "weight": 1.0, "only": None, "given": None, "space": "x", "tool": tool}
    assert second == {
        "term": "Small",
        "from": f"{__name__}.Small",
        "weight": 1.0,
        "only": None,
        "size": 2.0,
        "scale": 1.0,
    }
    assert all("from" not in entry and "from" not in entry.get("tool", {}) for entry in to_dict(zoo.ALI + zoo.SVAE))


@pytest.mark.parametrize(
    "registry, objective, kind", [(TOOLS, Match("x", MeanGap()), "tool"), (TERMS, Small(1.0), "term")]
)
def test_a_class_that_is_not_known_here_is_named_with_its_import_path(monkeypatch, registry, objective, kind):
    name, entries = "MeanGap" if kind == "tool" else "Small", to_dict(objective)
    monkeypatch.delitem(registry, name)
    message = (
        f"unknown {kind} '{name}', saved from {__name__}.{name}: import {__name__} first, or pass the model to Run"
    )
    with pytest.raises(ValueError, match=message):
        from_dict(entries)
    notebook = json.loads(json.dumps(entries).replace(f"{__name__}.", "__main__."))
    with pytest.raises(ValueError, match=f"saved from __main__.{name}: define it first, or pass the model"):
        from_dict(notebook)


def test_names_of_the_library_cannot_be_taken():
    with pytest.raises(ValueError, match="KL is a class of ganvae_lib; give yours another name"):
        type("KL", (MeanGap,), {})
    with pytest.raises(ValueError, match="Match is a class of ganvae_lib"):
        type("Match", (Small,), {})
    again = type("MeanGap", (MeanGap,), {"__module__": __name__})  # as a notebook's cell that runs again does
    assert TOOLS["MeanGap"] is again


def test_what_a_tool_or_a_term_owes_is_said_at_once():
    with pytest.raises(TypeError, match="abstract.*formula"):
        type("Half", (Tool,), {"loss": lambda self, batch, space, discriminator=None: 0})()
    with pytest.raises(TypeError, match="abstract.*networks"):
        type("HalfTerm", (Term,), {"space": "x", "reaches": ("theta",), "loss": 0, "formula": ""})()
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):
        dataclass(type("Loose", (Tool,), {}))


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: Small(1.0, given="label"), ValueError, "Small has no place for a label; leave out given='label'"),
        (lambda: given(Small(1.0)), TypeError, r"tells the label to every network, but Small\(1\) has no place"),
        (lambda: swapped(Small(1.0)), TypeError, r"Small\(1\) has no mirror image"),
        (lambda: given(Match("x", MeanGap())), ValueError, "MeanGap sees no label"),
        (lambda: Match("features", Adversary("soft")), ValueError, "a link that can be reversed, minimax"),
        (lambda: Match("turnde", MMD()), ValueError, "unknown space 'turnde'.*Did you mean 'turned'"),
        (lambda: Match("turned", zoo.VAE.terms[1].tool), ValueError, "in turned there are only samples to compare"),
        (lambda: MeanGap().discriminator_loss(None, (), (), None), TypeError, r"MeanGap\(\) has no discriminator"),
        (lambda: Share(0, 2).check(Match("x", MeanGap()), 32), ValueError, "compares whole minibatches, not examples"),
        (lambda: Small(1.0).discriminator_loss(None), TypeError, r"Small\(1\) has no discriminator"),
    ],
)
def test_mistakes_are_named(own, make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_reversible_link_of_ones_own_is_reversed_in_pairs(own):
    pairs = Match("xz", Adversary("soft"))
    assert pairs.lines()["theta"] == r"\mathbb{E}_{p(z)\,p_\theta(x|z)}[-D_\phi(x,z)]"
    assert pairs.lines()["eta"] == r"\mathbb{E}_{d(x)\,q_\eta(z|x)}[-(1-D_\phi(x,z))]"


def test_a_tool_that_takes_labels_is_written_with_them():
    labelled = given(Match("x", Margin()))
    assert labelled.networks == ("decoder", "discriminator_x_given_label") and labelled.reads == ("labels",)
    assert labelled.lines()["theta"] == r"\mathbb{E}_{d(t)\,p_\theta(x|t)}[(t_\phi(x,t)-1)^2]"


def test_the_penalty_of_a_labelled_critic_is_written_with_the_label():
    plain, labelled = (str(o).splitlines()[2] for o in (zoo.WGAN_GP, given(zoo.WGAN_GP)))
    assert plain.endswith("+ 10 E[(‖∇t_φ‖-1)²]") and labelled.endswith("+ 10 E[(‖∇t_φ(x,t)‖-1)²]")


def test_a_space_and_its_mirror(own):
    term = Match("turned", MMD())
    assert swapped(term) == term and TURNED.networks == ("decoder",) and TURNED.discriminator == "discriminator_x"
    for name, space in SPACES.items():
        assert (SPACES[space.mirror].mirror if space.mirror else "code") == name
    near = replace(SPACES["x|z"], discriminator="")
    assert near.discriminator == SPACES["x|z"].discriminator == "discriminator_x_given_z"
    assert SPACES["z|x"].discriminator == "discriminator_z_given_x" and SPACES["xz"].discriminator == "discriminator_xz"


def test_a_space_of_ones_own_is_built_with_its_discriminator(own, monkeypatch):
    monkeypatch.setitem(SPACES, "turned codes", replace(TURNED, discriminator="discriminator_turned", sees=("x",)))
    model = build(Match("turned codes", Adversary()), RING, hidden=(8,))
    assert list(model.networks) == ["decoder", "discriminator_turned"]
    run = fit(model, RING, steps=5, batch=16, device="cpu", progress=False)
    assert all(curve.isfinite().all() for curve in run.history.values())


def test_a_batch_forgets_a_variable_of_ones_own_and_names_one_that_it_has_not(own):
    batch = Batch(linear(Match("turned", MMD())), RING.x[:4], Noise(0))
    (turned,) = batch.read(("x_turned",))
    assert torch.equal(turned, batch.x_from_z.flip(-1)) and "x_turned" in batch.memory
    batch.moved(("eta",))
    assert "x_turned" in batch.memory
    batch.moved(("theta",))
    assert "x_turned" not in batch.memory
    with pytest.raises(ValueError, match="unknown variable of a Batch 'x_turnde'.*Did you mean 'x_turned'"):
        batch.read(("x_turnde",))


def test_a_writer_writes_conditions_indices_and_reversals():
    w, told = Writer(), Writer("label")
    assert (w.d, w.p("x"), w.q("z", "x"), w.made("p(z)")) == ("d(x)", r"p_\theta(x)", r"q_\eta(z|x)", "p(z)")
    assert (told.d, told.p("x"), told.q("z", "x")) == ("d(x,t)", r"p_\theta(x|t)", r"q_\eta(z|x,t)")
    assert told.made("p(z)", told.p("x", "z")) == r"d(t)\,p(z)\,p_\theta(x|z,t)"
    assert w.p("x", theta=r"{\theta_0}") == r"p_{\theta_0}(x)"
    at, labelled = w.at(("z", "x"), "|"), told.at((r"\hat x",)).indexed("i")
    assert (at.t, at.minus_t, at.reversed.t) == (r"t_\phi(z|x)", r"-t_\phi(z|x)", r"-t_\phi(z|x)")
    assert (labelled.D, labelled.not_D) == (r"D_\phi(\hat x_i,t_i)", r"(1-D_\phi(\hat x_i,t_i))")
    assert labelled.reversed.D == labelled.not_D and labelled.reversed.reversed == labelled
    assert (at.log_D, at.reversed.log_D) == (r"\log D_\phi(z|x)", r"\log(1-D_\phi(z|x))")
    assert at.odds == r"\frac{D_\phi(z|x)}{1-D_\phi(z|x)}" and at.reversed.odds == r"\frac{1-D_\phi(z|x)}{D_\phi(z|x)}"
