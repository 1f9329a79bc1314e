"""What an objective prints is what it trains: two that lose differently on some world print differently."""

import itertools
import re
from dataclasses import fields

import pytest
import torch
from helpers import prepared
from hypothesis import given as over, settings, strategies as st

from ganvae_lib import (
    KL,
    LINKS,
    MMD,
    Adversary,
    Bound,
    Classify,
    Likelihood,
    Match,
    Reconstruct,
    Summaries,
    Unpredictable,
    World,
)
from ganvae_lib.objective import TERMS, TOOLS

# Options of each tool and term, some of them nearly alike. A field that is not here is an error below.
TOOL_OPTIONS = {
    Adversary: dict(link=list(LINKS), steps=[1, 5], penalty=[0.0, 10.0, 10.00001, 1 / 3], k=[1, 4, "batch"]),
    KL: {},
    Likelihood: {},
    MMD: dict(kernel=["gaussian", "inverse multiquadric"], scales=[(0.1, 1.0), (0.1, 1.0000001), (1.0,)]),
    Summaries: dict(statistics=[("mean",), ("variance",), ("mean", "variance"), ("mean", "mean")]),
}
TERM_OPTIONS = {
    Reconstruct: dict(variable=["x", "z"], within=[None, "discriminator"]),
    Bound: dict(k=[1, 2, 4], inferred=[None], activated=[False, True]),
    Classify: dict(seen=["features", "x"]),
    Unpredictable: dict(variable=["x", "z"]),
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
    """What every phase descends, with the players, on one random world in float64."""
    torch.manual_seed(0)
    model, world = prepared(objective)
    found = []
    for phase in model.objective.phases():
        fresh = World(model, world.x, type(world.noise)(3), world.labels, world.other)
        total = phase.total(phase.losses(fresh)).detach()
        found.append((phase.players, phase.steps, *total.reshape(-1).tolist()))
    return tuple(found)


def test_every_option_of_every_tool_and_term_is_tried():
    ours = lambda registry: {cls for cls in registry.values() if cls.__module__.startswith("ganvae_lib")}
    assert set(TOOL_OPTIONS) == ours(TOOLS) and set(TERM_OPTIONS) | {Match} == ours(TERMS)
    for cls, options in (TOOL_OPTIONS | TERM_OPTIONS).items():
        assert {field.name for field in fields(cls)} == set(options) | (set(SHARED) if cls in TERM_OPTIONS else set())


def assert_prints_tell_apart(objectives):
    by_text = {}
    for objective in objectives:
        found = losses(objective)
        assert by_text.setdefault(repr(objective), found) == found, objective
    assert len(by_text) > 1
    assert len(set(by_text.values())) > 1


@pytest.mark.parametrize("space, tool", [("x", Adversary), ("z", MMD), ("z", Summaries)])
def test_tools_that_lose_differently_print_differently(space, tool):
    assert_prints_tell_apart(Match(space, chosen) for chosen in values(tool, TOOL_OPTIONS[tool]))


@pytest.mark.parametrize("term", [Reconstruct, Bound])
def test_terms_that_lose_differently_print_differently(term):
    encoded = Match("z", KL()) + Match("x", Adversary()) + Match("z", Adversary())
    assert_prints_tell_apart(
        chosen + encoded for chosen in values(term, TERM_OPTIONS[term] | SHARED) if chosen.given is None
    )


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
