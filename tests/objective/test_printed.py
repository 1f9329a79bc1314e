"""What an objective prints is what it trains: two that lose differently on some batch print differently."""

import itertools
import math
import re
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
import torch
from helpers import prepared
from hypothesis import given as over, settings, strategies as st

from ganvae_lib import (
    KL,
    LINKS,
    MMD,
    Adversary,
    Batch,
    Bound,
    Classify,
    Denoise,
    Distill,
    Likelihood,
    Match,
    Quantise,
    Reconstruct,
    Summaries,
    Unpredictable,
    zoo,
)
from ganvae_lib.distributions import PATHS
from ganvae_lib.objective import TERMS, TOOLS, WEIGHTS, from_dict, to_dict

# Options of each tool and term, some of them nearly alike. A field that is not here is an error below.
TOOL_OPTIONS = {
    Adversary: dict(link=list(LINKS), steps=[1, 5], penalty=[0.0, 10.0, 10.00001, 1 / 3], k=[1, 4, "batch"]),
    KL: {},
    Likelihood: {},
    MMD: dict(kernel=["gaussian", "inverse multiquadric"], scales=[(0.1, 1.0), (0.1, 1.0000001), (1.0,)]),
    Denoise: dict(
        weight=list(WEIGHTS), path=list(PATHS), predicts=["x", "noise", "velocity", "score"], drop=[0.1, 0.1000001]
    ),
    Distill: dict(path=list(PATHS), predicts=["x", "noise", "velocity"], steps=[1, 3]),
    Summaries: dict(statistics=[("mean",), ("variance",), ("mean", "variance"), ("mean", "mean")]),
}
TERM_OPTIONS = {
    Reconstruct: dict(variable=["x", "z"], within=[None, "discriminator"]),
    Bound: dict(k=[1, 2, 4], inferred=[None], activated=[False, True]),
    Classify: dict(seen=["features", "x"]),
    Unpredictable: dict(variable=["x", "z"]),
    Quantise: dict(entries=[2, 3], parts=[1, 3], commitment=[0.25, 0.2500001]),
}
SHARED = dict(weight=[1.0, 2.0, 0.1234567, 0.1234568], only=[None, ("theta",), ("eta",)], given=[None, "label"])


def values(cls, options):
    """Every combination that the class allows."""
    for combination in itertools.product(*options.values()):
        try:
            yield cls(**dict(zip(options, combination, strict=True)))
        except (ValueError, TypeError):
            pass


def losses(objective):
    """What every phase descends, with the players, on one random batch in float64."""
    torch.manual_seed(0)
    model, batch = prepared(objective)
    found = []
    for phase in model.objective.phases():
        fresh = Batch(model, batch.x, type(batch.noise)(3), batch.labels, batch.other)
        total = phase.total(phase.losses(fresh)).detach()
        found.append((phase.players, phase.steps, *total.reshape(-1).tolist()))
    return tuple(found)


def test_every_option_of_every_tool_and_term_is_tried():
    ours = lambda registry: {cls for cls in registry.values() if cls.__module__.startswith("ganvae_lib")}
    apart = (set(TOOL_OPTIONS) ^ ours(TOOLS)) | ((set(TERM_OPTIONS) | {Match}) ^ ours(TERMS))
    assert not apart, f"TOOL_OPTIONS or TERM_OPTIONS in tests/objective/test_printed.py wants values to try: {apart}"
    for cls, options in (TOOL_OPTIONS | TERM_OPTIONS).items():
        assert {field.name for field in fields(cls)} == set(options) | (set(SHARED) if cls in TERM_OPTIONS else set())


def assert_prints_tell_apart(objectives):
    by_text = {}
    for objective in objectives:
        found = losses(objective)
        assert by_text.setdefault(repr(objective), found) == found, objective
    assert len(by_text) > 1
    assert len(set(by_text.values())) > 1


@pytest.mark.parametrize(
    "space, tool", [("x", Adversary), ("x", Denoise), ("x", Distill), ("z", MMD), ("z", Summaries)]
)
def test_tools_that_lose_differently_print_differently(space, tool):
    assert_prints_tell_apart(Match(space, chosen) for chosen in values(tool, TOOL_OPTIONS[tool]))


@pytest.mark.parametrize("term", [Reconstruct, Bound])
def test_terms_that_lose_differently_print_differently(term):
    encoded = Match("z", KL()) + Match("x", Adversary()) + Match("z", Adversary())
    assert_prints_tell_apart(
        chosen + encoded for chosen in values(term, TERM_OPTIONS[term] | SHARED) if chosen.given is None
    )


def test_codebooks_that_lose_differently_print_differently():
    prior, options = Match("code", Likelihood()), TERM_OPTIONS[Quantise] | dict(weight=SHARED["weight"])
    assert_prints_tell_apart(Reconstruct("x") + chosen + prior for chosen in values(Quantise, options))


@settings(max_examples=200)
@over(st.floats(-1e6, 1e6).filter(lambda w: abs(w) > 1e-9), st.floats(0, 1e6))
def test_every_digit_of_a_weight_is_printed(weight, penalty):
    term = weight * Match("x", Adversary("Wasserstein", penalty=penalty))
    names = {"Match": Match, "Adversary": Adversary}
    assert eval(repr(term), names).weight == term.weight and eval(repr(term), names) == term
    text = str(weight * Match("z", KL())).splitlines()[1]
    written = re.match(r"  η descends (?:(\S+) )?E", text)
    assert float((written[1] or "1").replace("-E", "-1E")) == weight if written else text.startswith("  η descends -E")
    if penalty:
        assert float(re.search(r"\+ (\S+) E\[\(‖", str(term))[1]) == penalty


# ---------------------------------------------------------------- links


class _AsPython:
    """A writer of Python expressions in t, in the place of one of LaTeX: the formula of a link can be computed."""

    def __init__(self, t="t"):
        self.t, self.minus_t = f"({t})", f"(-({t}))"
        self.D, self.not_D = f"(1/(1+exp(-({t}))))", f"(1/(1+exp({t})))"
        self.log_D, self.log_not_D = rf"\log{self.D}", rf"\log{self.not_D}"
        self.odds = f"({self.D}/{self.not_D})"


def computed(latex, t):
    """The value of a link's formula, written by ``_AsPython``, at t."""
    for pattern, text in (
        (r"\\tfrac12", "0.5*"),
        (r"e\^\{((?:[^{}])*)\}", r"exp(\1)"),
        (r"\\max", "max"),
        (r"\\log 2(\(.*\))$", r"log(2*\1)"),
        (r"\\log", "log"),
        (r"\^2", "**2"),
    ):
        latex = re.sub(pattern, text, latex)
    return eval(latex, {"exp": math.exp, "log": math.log, "max": max, "t": t})


@pytest.mark.parametrize("side", ["real", "fake", "generator"])
@pytest.mark.parametrize("name", list(LINKS))
def test_the_formula_of_a_link_is_its_loss(name, side):
    for t in (-3.0, -0.4, 0.0, 1.7):
        formula = getattr(LINKS[name], f"{side}_tex")(_AsPython())
        assert computed(formula, t) == pytest.approx(
            getattr(LINKS[name], side)(torch.tensor(t).double()).item(), abs=1e-6
        )


def test_a_loss_changed_without_its_formula_is_written_by_its_name(monkeypatch):
    changed = replace(LINKS["KL"], generator=lambda t: -t.sigmoid())
    monkeypatch.setitem(LINKS, "soft", changed)
    monkeypatch.setitem(LINKS, "softer", replace(changed, real=lambda t: -t))
    lines = str(Match("x", Adversary("soft"))).splitlines()
    assert lines[1] == "  θ descends E_{p_θ(x)}[h_{generator}(t_φ(x))]"
    assert lines[2] == str(Match("x", Adversary("KL"))).splitlines()[2]
    assert "h_{real}(t_φ(x))" in str(Match("x", Adversary("softer"))).splitlines()[2]
    same = replace(LINKS["KL"], descends="")
    assert same.generator_tex is LINKS["KL"].generator_tex  # nothing that trains has changed
    told = replace(LINKS["KL"], generator=lambda t: -t.sigmoid(), generator_tex=lambda w: f"-{w.D}")
    monkeypatch.setitem(LINKS, "told", told)
    assert str(Match("x", Adversary("told"))).splitlines()[1] == "  θ descends E_{p_θ(x)}[-D_φ(x)]"


# ---------------------------------------------------------------- classes of one's own


def test_a_class_that_computes_another_loss_does_not_inherit_the_formula():
    @dataclass(frozen=True)
    class Doubled(KL):
        def loss(self, batch, space, discriminator=None):
            return 2 * super().loss(batch, space, discriminator)

    @dataclass(frozen=True)
    class Wide(MMD):
        def distance(self, target, model, seeds_axes=0):
            return 2 * super().distance(target, model, seeds_axes)

    @dataclass(frozen=True)
    class Far(Reconstruct):
        def loss(self, batch):
            return 2 * super().loss(batch)

    @dataclass(frozen=True)
    class Told(KL):
        def loss(self, batch, space, discriminator=None):
            return 2 * super().loss(batch, space, discriminator)

        def formula(self, w, space, player):
            return rf"2\,{super().formula(w, space, player)}"

    @dataclass(frozen=True)
    class Named(KL):
        title = "KL, by another name"

    line = lambda objective: str(objective).splitlines()[1].strip()
    assert line(Match("z", Doubled())) == "η descends Doubled(q_η(z), p(z))"
    assert line(Match("z", Wide())) == "η descends Wide(q_η(z), p(z))"
    assert line(Far("x")) == "θ descends Far(x)"
    assert line(Match("z", Told())) == "η descends 2 E_{d(x)}[KL(q_η(z|x)‖p(z))]"
    assert line(Match("z", Named())) == line(Match("z", KL()))


def test_values_are_plain_and_cannot_be_changed_from_outside():
    scales, only = [0.1, 1.0], ["theta"]
    tool, term = MMD(scales=scales), Reconstruct("x", only=only)
    scales.append(9.0)
    only.append("eta")
    assert tool == MMD(scales=(0.1, 1.0)) and term == Reconstruct("x", only=("theta",))
    weight = torch.tensor(2.0)
    for number in (weight, np.float64(2.0), np.float32(2.0), np.int64(2)):
        weighted = Reconstruct("x", weight=number)
        assert weighted == Reconstruct("x", weight=2.0) and repr(weighted) == "2 * Reconstruct('x')"
        assert to_dict(weighted)[0]["weight"] == 2 and type(to_dict(weighted)[0]["weight"]) in (int, float)
    frozen = Reconstruct("x", weight=weight)
    weight.fill_(7.0)
    assert frozen.weight == 2.0 and from_dict(to_dict(frozen)) == frozen
    penalised = Adversary("Wasserstein", penalty=np.float32(0.5))
    assert penalised == Adversary("Wasserstein", penalty=0.5) and type(penalised.penalty) is float


def test_a_changed_schedule_does_not_inherit_its_formula():
    from ganvae_lib.distributions.schedules import SCHEDULES, linear

    before = dict(SCHEDULES)
    try:

        @dataclass(frozen=True, repr=False)
        class square(linear):
            def __call__(self, step):
                return super().__call__(step) ** 2

        assert "square(s)" in str(square(0, 1, steps=10) * zoo.LIKELIHOOD)
        assert "square(s)" not in str(linear(0, 1, steps=10) * zoo.LIKELIHOOD)
    finally:
        SCHEDULES.clear()
        SCHEDULES.update(before)
