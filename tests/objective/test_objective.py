"""The algebra of objectives: laws, phases, printed forms, and what each link descends."""

import json
import math
import re

import pytest
import torch
from by_hand import link_by_hand
from hypothesis import given, settings, strategies as st
from torch.nn.functional import logsigmoid

from ganvae_lib import (
    KL,
    LINKS,
    MMD,
    Adversary,
    Bound,
    Classify,
    Likelihood,
    Match,
    Quantise,
    Reconstruct,
    Summaries,
    Unpredictable,
    given as told,
    swapped,
    zoo,
)
from ganvae_lib.objective import Writer, from_dict, to_dict
from ganvae_lib.objective.algebra import Phase, Sum

LOGISTIC = tuple(name for name, link in LINKS.items() if link.logistic)
REVERSIBLE = tuple(name for name, link in LINKS.items() if link.reversible)

X, Z = Reconstruct("x"), Reconstruct("z")
GAN_X, GAN_Z, KL_Z = Match("x", Adversary()), Match("z", Adversary()), Match("z", KL())
MMD_X = Match("x", MMD())
SLEEP = Reconstruct("x", only=("theta",)) + Reconstruct("z", only=("eta",))
one_sided = lambda term: isinstance(term, Bound | Quantise) or term.space == "code"
MIRRORED = {name: entry for name, entry in zoo.ALL.items() if not any(map(one_sided, entry.terms))}
# ---------------------------------------------------------------- laws

weights = st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0])  # their sums and products are exact
adversaries = st.builds(Adversary, st.sampled_from(list(LINKS)), st.integers(1, 3), st.sampled_from([0.0, 10.0]))
adversaries |= st.builds(Adversary, st.just("non-saturating"), k=st.sampled_from([2, 7, "batch"]))
samplers = adversaries | st.just(MMD()) | st.just(MMD("gaussian", (0.5, 2))) | st.just(Summaries(("mean",)))
matches = st.builds(
    Match, st.sampled_from(["x", "z"]), st.just(KL()) | st.just(Likelihood()) | samplers, weight=weights
)
given_only = st.sampled_from(["x", "z", "x|z", "z|x", "x again", "z again"])
matches |= st.builds(Match, given_only, samplers, weight=weights)
matches |= st.builds(
    Match, st.just("xz"), st.builds(Adversary, st.sampled_from(REVERSIBLE)) | st.just(MMD()), weight=weights
)
label = st.sampled_from([None, "label"])
matches |= st.builds(Match, st.sampled_from(["x", "z", "xz"]), st.builds(Adversary), weight=weights, given=label)
domains = st.builds(Match, st.just("features"), st.builds(Adversary, st.sampled_from(LOGISTIC)), weight=weights)
only = st.sampled_from([None, ("theta",), ("eta",), ("theta", "eta"), ("eta", "theta")])
within = st.sampled_from([None, "discriminator"])
reconstructions = st.builds(Reconstruct, st.sampled_from(["x", "z"]), within, weight=weights, only=only)
reconstructions |= st.builds(Reconstruct, st.sampled_from(["x", "z"]), weight=weights, only=only, given=label)
rest = (
    domains
    | st.builds(Classify, weight=weights, seen=st.sampled_from(["features", "x"]))
    | st.builds(Unpredictable, st.sampled_from(["x", "z"]), weight=weights)
)
codebooks = st.builds(Quantise, st.integers(2, 64), st.integers(1, 4), st.floats(0, 4), weight=weights)
labels = st.sampled_from([{}, {"given": "label"}, {"inferred": "label"}])
bounds = st.builds(
    lambda k, w, o, on, at: Bound(k, weight=w, only=o, activated=on, **at),
    st.integers(1, 4),
    weights,
    only,
    st.booleans(),
    labels,
)
sums = lambda terms: st.lists(terms, min_size=1, max_size=5).map(lambda terms: Sum.of(*terms))
mirrored = sums(matches | reconstructions | rest)
objectives = mirrored | sums(matches | reconstructions | rest | bounds | codebooks)
law = settings(max_examples=40, deadline=None)


@law
@given(objectives, objectives, objectives, weights, weights)
def test_sums_and_weights_obey_the_laws_of_a_vector_space(a, b, c, v, w):
    for left, right in [
        (a + b, b + a),
        ((a + b) + c, a + (b + c)),
        (w * (a + b), w * a + w * b),
        ((v + w) * a, v * a + w * a),
        (v * (w * a), (v * w) * a),
        (a + a, 2 * a),
        (1 * a, a),
        (a * w, w * a),
        (a + b - 0.125 * b, a + 0.875 * b),
    ]:
        assert left == right and hash(left) == hash(right)
    assert a != 2 * a and a != a + b


@law
@given(mirrored, mirrored, weights)
def test_swapped_is_linear_and_its_own_inverse(a, b, w):
    assert swapped(swapped(a)) == a
    assert swapped(a + w * b) == swapped(a) + w * swapped(b)


@law
@given(objectives)
def test_objectives_survive_text_and_json(a):
    assert eval(repr(a)) == a
    assert eval(repr(a - 0.125 * SLEEP)) == a - 0.125 * SLEEP
    assert from_dict(json.loads(json.dumps(to_dict(a)))) == a


@law
@given(objectives)
def test_every_player_descends_exactly_its_terms_in_one_phase(a):
    phases = a.phases()
    critics = [t for phase in phases if phase.discriminates for t in phase.terms]
    assert sorted(map(repr, critics)) == sorted(map(repr, a.adversaries))
    for player in {"theta", "eta"} & set(a.players):
        (phase,) = [p for p in phases if player in p.players]
        assert {t for t in phase.terms if player in t.reaches} == {t for t in a.terms if player in t.movers}
    assert {p for phase in phases for p in phase.players} == set(a.players)
    assert a._repr_latex_().count(r"\min_") == len(a.players) == str(a).count("descends")


def test_entries_differ():
    assert len(set(zoo.ALL.values())) == len(zoo.ALL)


def test_the_swaps_of_the_book():
    assert swapped(zoo.INFOGAN) == zoo.AAE == GAN_Z + X and swapped(zoo.AAE) == zoo.INFOGAN
    assert swapped(zoo.CYCLEGAN) == zoo.CYCLEGAN == zoo.INFOGAN + zoo.AAE
    assert swapped(zoo.AS_VAE) == zoo.AS_VAE == zoo.AVB + swapped(zoo.AVB)
    assert swapped(zoo.ALI) == zoo.ALI and swapped(zoo.BIGAN) == zoo.BIGAN
    assert swapped(SLEEP) == SLEEP
    assert swapped(2 * zoo.VAE) == 2 * Z + 2 * Match("x", KL())
    assert X + X == 2 * X == Reconstruct("x", weight=2.0)
    assert Reconstruct("x", only=("eta", "theta")) == X
    assert zoo.beta_vae(1.0) == zoo.VAE != zoo.beta_vae(2.0)


def test_these_and_no_others_are_their_own_mirror_image():
    assert set(zoo.ALL) - set(MIRRORED) == {"IWAE", "AAVAE", "SVAE", "VQ-VAE", "latent diffusion"}
    own = {name for name, entry in MIRRORED.items() if swapped(entry) == entry}
    assert own == {"Helmholtz machine", "CycleGAN", "ALI", "BiGAN", "AS-VAE", "source only", "DANN", "ADA"}
    pairs = {
        (a, b) for a, first in MIRRORED.items() for b, second in MIRRORED.items() if swapped(first) == second and a < b
    }
    assert pairs == {("AAE", "InfoGAN")}


def test_names_of_objectives():
    assert all(zoo.name(entry) == name for name, entry in zoo.ALL.items())
    assert zoo.name(zoo.PIXELCNN) == zoo.name(zoo.RNN_LM) == "maximum likelihood"
    assert (
        zoo.name(3 * X + GAN_Z) == "AAE"
        and zoo.name(zoo.beta_vae(4.0)) == "beta-VAE"
        and zoo.name(zoo.beta_vae(7)) == "VAE"
    )
    assert zoo.name(GAN_X + MMD_X) is None and zoo.name(X - KL_Z) is None


def test_every_loss_has_a_name_of_its_own():
    for objective, keys in [
        (GAN_X + zoo.WGAN_GP, ["match x (non-saturating)", "match x (Wasserstein)"]),
        (
            MMD_X + Match("x", MMD("gaussian")),
            ["match x (Match('x', MMD('inverse multiquadric')))", "match x (Match('x', MMD('gaussian')))"],
        ),
        (
            X + Reconstruct("x", within="discriminator") + GAN_X,
            ["reconstruct x (likelihood)", "reconstruct x (discriminator)", "match x"],
        ),
    ]:
        assert list(objective.phases()[-1].keys) == keys
    for entry in zoo.ALL.values():
        assert all(len(set(phase.keys)) == len(phase.terms) for phase in entry.phases())


# What a logistic link's generator descends where y is reversed.
REVERSED = {
    "minimax": r"\log D",
    "non-saturating": r"-\log(1-D)",
    "KL": r"-(1-D)/D",
    "reverse KL": r"-\log\frac{1-D}{D}",
}


def test_reversing_a_link_exchanges_the_answers_of_the_discriminator():
    assert set(LOGISTIC) == set(REVERSED), (
        "write the reversed formula in REVERSED in tests/objective/test_objective.py."
    )
    reversed_answer = Writer().at(("x",)).reversed
    for name, formula in REVERSED.items():
        assert LINKS[name].generator_tex(reversed_answer).replace(r"D_\phi(x)", "D") == formula
    assert "E_{p_θ(x|y=0)}[-log D_φ(x)] + E_{p_θ(x|y=1)}[-log(1-D_φ(x))]" in str(zoo.ADA)
    assert swapped(zoo.ADA) == zoo.ADA
    with pytest.raises(ValueError, match="a link that can be reversed, " + ", ".join(LOGISTIC)):
        Match("features", Adversary("hinge"))
    with pytest.raises(ValueError, match="both sides are samples"):
        Match("features", KL())


# ---------------------------------------------------------------- phases

BOTH, T, E = ("theta", "eta"), ("theta",), ("eta",)
WITHIN, AGAIN_T = Reconstruct("x", within="discriminator"), Match("x again", Adversary(), only=T)
NEAR_Z = Match("z|x", Adversary("reverse KL"))


@pytest.mark.parametrize(
    "objective, expected",
    [
        (zoo.VAE, [Phase(BOTH, (X, KL_Z))]),
        (zoo.LIKELIHOOD, [Phase(T, (Match("x", Likelihood()),))]),
        (zoo.WGAN_GP, [Phase(("phi",), (zoo.WGAN_GP,), 5), Phase(T, (zoo.WGAN_GP,))]),
        (GAN_X + Z, [Phase(("phi",), (GAN_X,)), Phase(BOTH, (GAN_X, Z))]),
        (X + GAN_Z, [Phase(("phi",), (GAN_Z,)), Phase(BOTH, (X, GAN_Z))]),
        (GAN_X + GAN_Z + X + Z, [Phase(("phi",), (GAN_X, GAN_Z)), Phase(BOTH, (GAN_X, X, Z, GAN_Z))]),
        (SLEEP, [Phase(T, SLEEP.terms[:1]), Phase(E, SLEEP.terms[1:])]),
        (
            GAN_X + zoo.WGAN_GP,
            [Phase(("phi",), (GAN_X,)), Phase(("phi",), (zoo.WGAN_GP,), 5), Phase(T, (GAN_X, zoo.WGAN_GP))],
        ),
        (
            zoo.VAE_GAN,
            [Phase(("phi",), (GAN_X, AGAIN_T)), Phase(T, (WITHIN, GAN_X, AGAIN_T)), Phase(E, (WITHIN, KL_Z))],
        ),
        (zoo.MDGAN, [Phase(("phi",), (GAN_X,)), Phase(BOTH, (GAN_X, X, Match("x again", Adversary(steps=0))))]),
        (zoo.ALI, [Phase(("phi",), (zoo.ALI,)), Phase(BOTH, (zoo.ALI,))]),
        (zoo.AVB, [Phase(("phi",), (NEAR_Z,)), Phase(BOTH, (X, NEAR_Z))]),
        (zoo.AS_VAE, [Phase(("phi",), (NEAR_Z, swapped(NEAR_Z))), Phase(BOTH, (X, Z, NEAR_Z, swapped(NEAR_Z)))]),
        (
            zoo.PREDICTABILITY_MINIMISATION,
            [Phase(("phi",), (Unpredictable("z"),)), Phase(BOTH, (X, Unpredictable("z")))],
        ),
        (zoo.WAE_MMD, [Phase(BOTH, (X, 10 * Match("z", MMD())))]),
        (zoo.IWAE, [Phase(BOTH, (Bound(5),))]),
        (zoo.IWGAN, [Phase(("phi",), (zoo.IWGAN,)), Phase(T, (zoo.IWGAN,))]),
        (zoo.AAVAE, [Phase(("phi",), (zoo.AAVAE,)), Phase(BOTH, (zoo.AAVAE,))]),
        (zoo.SVAE, [Phase(BOTH, (*zoo.CVAE.terms, Bound(inferred="label"), Classify(seen="x")))]),
        (2 * zoo.AAVAE + GAN_X, [Phase(("phi",), (2 * zoo.AAVAE, GAN_X)), Phase(BOTH, (2 * zoo.AAVAE, GAN_X))]),
        (Bound(3, only=T) + Z, [Phase(T, (Bound(3, only=T), Z)), Phase(E, (Z,))]),
    ],
    ids=[
        "VAE",
        "likelihood",
        "WGAN-GP",
        "InfoGAN",
        "AAE",
        "CycleGAN",
        "wake-sleep",
        "two critics",
        "VAE/GAN",
        "MDGAN",
        "ALI",
        "AVB",
        "AS-VAE",
        "predictability minimisation",
        "WAE",
        "IWAE",
        "IWGAN",
        "AAVAE",
        "SVAE",
        "AAVAE and GAN",
        "a bound for theta",
    ],
)
def test_phases(objective, expected):
    found = objective.phases()
    assert [(p.players, set(p.terms), p.discriminates, p.steps) for p in found] == [
        (p.players, set(p.terms), p.discriminates, p.steps) for p in expected
    ]


def test_what_thetas_gradient_goes_through():
    """Through a sample of p(x|z) where pairs are compared by samples, its mean where x alone is; not with densities."""
    through = lambda space, tool: Match(space, tool).gradient_through
    assert through("x", Adversary()) == "mean" and through("xz", Adversary()) == "sample"
    assert through("x", KL()) is None and through("z", Adversary()) is None


def test_what_is_classified_by_is_known():
    with pytest.raises(ValueError, match="unknown thing to classify by 'z'.*features"):
        Classify(seen="z")


def test_networks_and_players():
    assert zoo.VAE.networks == ("encoder", "decoder") and zoo.VAE.players == BOTH
    assert zoo.GAN.networks == ("decoder", "discriminator_x") and zoo.GAN.players == ("theta", "phi")
    assert zoo.LIKELIHOOD.networks == ("density",) and zoo.LIKELIHOOD.players == T
    assert zoo.CGAN.networks == zoo.CGAN.conditional == ("decoder", "discriminator_x_given_label")
    assert zoo.SVAE.networks == ("encoder", "decoder", "labeller") and zoo.SVAE.conditional == ("encoder", "decoder")
    assert zoo.SVAE.reads == ("labels", "other") and zoo.CVAE.reads == ("labels",) and zoo.IWAE.reads == ()
    assert zoo.AAVAE.networks == ("encoder", "decoder", "discriminator_x")
    assert set((GAN_X + GAN_Z).networks) == {"decoder", "encoder", "discriminator_x", "discriminator_z"}


# ---------------------------------------------------------------- printed forms


@pytest.mark.parametrize(
    "objective, text, lines",
    [
        (
            zoo.VAE,
            "Reconstruct('x') + Match('z', KL())",
            {
                "θ": "E_{d(x) q_η(z|x)}[-log p_θ(x|z)]",
                "η": "E_{d(x) q_η(z|x)}[-log p_θ(x|z)] + E_{d(x)}[KL(q_η(z|x)‖p(z))]",
            },
        ),
        (
            zoo.beta_vae(4),
            "Reconstruct('x') + 4 * Match('z', KL())",
            {
                "θ": "E_{d(x) q_η(z|x)}[-log p_θ(x|z)]",
                "η": "E_{d(x) q_η(z|x)}[-log p_θ(x|z)] + 4 E_{d(x)}[KL(q_η(z|x)‖p(z))]",
            },
        ),
        (zoo.LIKELIHOOD, "Match('x', Likelihood())", {"θ": "E_{d(x)}[-log p_θ(x)]"}),
        (
            zoo.GAN,
            "Match('x', Adversary('non-saturating'))",
            {"θ": "E_{p_θ(x)}[-log D_φ(x)]", "φ": "E_{d(x)}[-log D_φ(x)] + E_{p_θ(x)}[-log(1-D_φ(x))]"},
        ),
        (
            zoo.WGAN_GP,
            "Match('x', Adversary('Wasserstein', steps=5, penalty=10))",
            {"θ": "E_{p_θ(x)}[-t_φ(x)]", "φ": "E_{d(x)}[-t_φ(x)] + E_{p_θ(x)}[t_φ(x)] + 10 E[(‖∇t_φ‖-1)²]"},
        ),
        (
            SLEEP,
            "Reconstruct('x', only=('theta',)) + Reconstruct('z', only=('eta',))",
            {"θ": "E_{d(x) q_η(z|x)}[-log p_θ(x|z)]", "η": "E_{p(z) p_θ(x|z)}[-log q_η(z|x)]"},
        ),
        (
            X - 2 * GAN_Z,
            "Reconstruct('x') - 2 * Match('z', Adversary('non-saturating'))",
            {
                "θ": "E_{d(x) q_η(z|x)}[-log p_θ(x|z)]",
                "η": "E_{d(x) q_η(z|x)}[-log p_θ(x|z)] - 2 E_{q_η(z)}[-log D_φ(z)]",
                "φ": "E_{p(z)}[-log D_φ(z)] + E_{q_η(z)}[-log(1-D_φ(z))]",
            },
        ),
        (
            2 * zoo.IWAE,
            "2 * Bound(k=5)",
            dict.fromkeys("θη", "2 E_{d(x)}[E_{q_η(z_1..5|x)}[-log 1/5 Σ_i p_θ(x,z_i)/q_η(z_i|x)]]"),
        ),
        (
            zoo.IWGAN,
            "Match('x', Adversary('non-saturating', k='batch'))",
            {
                "θ": "E_{p_θ(x)^B}[-Σ_i w̃_i log D_φ(x_i); w̃_i ∝ D_φ(x_i)/(1-D_φ(x_i))]",
                "φ": "E_{d(x)}[-log D_φ(x)] + E_{p_θ(x)}[-log(1-D_φ(x))]",
            },
        ),
        (
            zoo.AAVAE,
            "Bound(activated=True)",
            dict.fromkeys(
                "θη", "1/2 (E_{d(x)} + E_{p_θ₀(x)})[D_φ(x) (E_{q_η(z|x)}[-log p_θ(x|z)] + KL(q_η(z|x)‖p(z)))]"
            )
            | {"φ": "E_{d(x)}[-log D_φ(x)] + E_{p_θ(x)}[-log(1-D_φ(x))]"},
        ),
        (
            zoo.CGAN,
            "Match('x', Adversary('non-saturating'), given='label')",
            {
                "θ": "E_{d(t) p_θ(x|t)}[-log D_φ(x,t)]",
                "φ": "E_{d(x,t)}[-log D_φ(x,t)] + E_{d(t) p_θ(x|t)}[-log(1-D_φ(x,t))]",
            },
        ),
        # Each of the weighted samples has a label of its own.
        (
            told(zoo.IWGAN),
            "Match('x', Adversary('non-saturating', k='batch'), given='label')",
            {
                "θ": "E_{(d(t) p_θ(x|t))^B}[-Σ_i w̃_i log D_φ(x_i,t_i); w̃_i ∝ D_φ(x_i,t_i)/(1-D_φ(x_i,t_i))]",
                "φ": "E_{d(x,t)}[-log D_φ(x,t)] + E_{d(t) p_θ(x|t)}[-log(1-D_φ(x,t))]",
            },
        ),
        (
            Match("z", Adversary(k=4), given="label"),
            "Match('z', Adversary('non-saturating', k=4), given='label')",
            {
                "η": "E_{(d(t) q_η(z|t))^4}[-Σ_i w̃_i log D_φ(z_i,t_i); w̃_i ∝ D_φ(z_i,t_i)/(1-D_φ(z_i,t_i))]",
                "φ": "E_{d(t) p(z)}[-log D_φ(z,t)] + E_{d(t) q_η(z|t)}[-log(1-D_φ(z,t))]",
            },
        ),
        (
            Match("xz", Adversary(k=4), given="label"),
            "Match('xz', Adversary('non-saturating', k=4), given='label')",
            {
                "θ": "E_{(d(t) p(z) p_θ(x|z,t))^4}[-Σ_i w̃_i log D_φ(x_i,z_i,t_i); w̃_i ∝ D_φ(x_i,z_i,t_i)/(1-D_φ(x_i,z_i,t_i))]",
                "η": "E_{(d(x,t) q_η(z|x,t))^4}[-Σ_i w̃_i log(1-D_φ(x_i,z_i,t_i)); w̃_i ∝ (1-D_φ(x_i,z_i,t_i))/D_φ(x_i,z_i,t_i)]",
                "φ": "E_{d(x,t) q_η(z|x,t)}[-log D_φ(x,z,t)] + E_{d(t) p(z) p_θ(x|z,t)}[-log(1-D_φ(x,z,t))]",
            },
        ),
        (
            zoo.CVAE,
            "Reconstruct('x', given='label') + Match('z', KL(), given='label')",
            {
                "θ": "E_{d(x,t) q_η(z|x,t)}[-log p_θ(x|z,t)]",
                "η": "E_{d(x,t) q_η(z|x,t)}[-log p_θ(x|z,t)] + E_{d(x,t)}[KL(q_η(z|x,t)‖p(z))]",
            },
        ),
        (
            Bound(inferred="label") + 5 * Classify(seen="x"),
            "Bound(inferred='label') + 5 * Classify(seen='x')",
            {
                "θ": (
                    f
                    := "E_{d(x)}[E_{q_η(t|x)}[E_{q_η(z|x,t)}[-log p_θ(x|z,t)] + KL(q_η(z|x,t)‖p(z)) + log q_η(t|x)] + log C]"
                ),
                "η": f + " + 5 E_{d(x,t)}[-log q_η(t|x)]",
            },
        ),
        (
            Match("features", Adversary(k=4)),
            "Match('features', Adversary('non-saturating', k=4))",
            {
                "θ": "E_{p_θ(x|y=0)^4}[-Σ_i w̃_i log D_φ(x_i); w̃_i ∝ D_φ(x_i)/(1-D_φ(x_i))]"
                " + E_{p_θ(x|y=1)^4}[-Σ_i w̃_i log(1-D_φ(x_i)); w̃_i ∝ (1-D_φ(x_i))/D_φ(x_i)]",
                "φ": "E_{p_θ(x|y=1)}[-log D_φ(x)] + E_{p_θ(x|y=0)}[-log(1-D_φ(x))]",
            },
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_objectives_print_as_text(objective, text, lines):
    assert repr(objective) == text
    assert str(objective).splitlines() == [text, *(f"  {p} descends {line}" for p, line in lines.items())]


def test_objectives_show_as_latex():
    assert zoo.GAN._repr_latex_() == (
        "$$\\begin{aligned}\n"
        r"\min_{\theta}\;& \mathbb{E}_{p_\theta(x)}[-\log D_\phi(x)]"
        "\\\\\n"
        r"\min_{\phi}\;& \mathbb{E}_{d(x)}[-\log D_\phi(x)] + \mathbb{E}_{p_\theta(x)}[-\log(1-D_\phi(x))]"
        "\n\\end{aligned}$$"
    )
    assert zoo.beta_vae(4)._repr_latex_() == (
        "$$\\begin{aligned}\n"
        r"\min_{\theta}\;& \mathbb{E}_{d(x)\,q_\eta(z|x)}[-\log p_\theta(x|z)]"
        "\\\\\n"
        r"\min_{\eta}\;& \mathbb{E}_{d(x)\,q_\eta(z|x)}[-\log p_\theta(x|z)]"
        r" + 4\,\mathbb{E}_{d(x)}[\mathrm{KL}(q_\eta(z|x)\,\|\,p(z))]"
        "\n\\end{aligned}$$"
    )


def test_explain_says_who_descends_what_and_where_theta_stands():
    table = (X + KL_Z + Match("x", Adversary("KL")) + Match("x", Adversary("reverse KL")) + Z).explain()
    assert table.header == ("term", "space", "tool", "players", "where theta stands")
    assert [row[1:] for row in table.rows] == [
        ("x", "reconstruction", "θ, η", "second"),
        ("z", "KL", "η", "absent (eta: first)"),
        ("x", "Adversary (KL)", "θ against φ", "second"),
        ("x", "Adversary (reverse KL)", "θ against φ", "first"),
        ("z", "reconstruction", "θ, η", "first"),
    ]
    assert [row[2:] for row in (zoo.IWGAN + zoo.AAVAE + zoo.IWAE + Classify(seen="x")).explain().rows] == [
        ("Adversary (non-saturating, importance-weighted)", "θ against φ", "first"),
        ("bound (weighed)", "θ, η against φ", "second"),
        ("bound (5 samples)", "θ, η", "second"),
        ("likelihood", "η", "absent (eta: second)"),
    ]
    assert str(zoo.VAE.explain()).splitlines()[1].split() == [
        "Reconstruct('x')",
        "x",
        "reconstruction",
        "θ,",
        "η",
        "second",
    ]
    assert table._repr_html_().count("<tr>") == 6 and "Match(&#x27;z&#x27;, KL())" in table._repr_html_()


# ---------------------------------------------------------------- links

RATIO = torch.tensor([0.05, 0.3, 0.9, 1.0, 1.7, 6.0], dtype=torch.float64)
BEST = {"least squares": lambda r: r / (1 + r), "f-KL": lambda r: 1 + r.log()}  # of t; elsewhere log r
F = {  # generators f of D_f(d‖g) = ∫ g f(d/g)
    r"2\,\mathrm{JSD}(d,g)": lambda r: r * (2 * r / (1 + r)).log() + (2 / (1 + r)).log(),
    r"2\,\mathrm{KL}(m\,\|\,d)": lambda r: (1 + r) * ((1 + r) / (2 * r)).log(),
    r"\mathrm{KL}(d\,\|\,g)": lambda r: r * r.log(),
    r"\mathrm{KL}(g\,\|\,d)": lambda r: -r.log(),
    # f'' = 1/(r (1+r)³), integrated twice
    r"D_f(d\,\|\,g),\ f''(r)=\tfrac{1}{r(1+r)^3}": lambda r: r * (r / (1 + r)).log() - 1 / (2 * (1 + r)),
}


def slope(f, at):
    at = at.clone().requires_grad_()
    return torch.autograd.grad(f(at).sum(), at, create_graph=True)[0]


@pytest.mark.parametrize("name", LINKS)
def test_links_are_the_formulas_written_by_hand(name):
    t = torch.linspace(-4, 4, 33, dtype=torch.float64)
    link = LINKS[name]
    for found, by_hand in zip((link.real, link.fake, link.generator), link_by_hand(name), strict=True):
        torch.testing.assert_close(found(t), by_hand(t), rtol=1e-12, atol=1e-12)


AS_CODE = [
    (r"\\log\\frac\{(.*?)\}\{(.*?)\}", r"log((\1)/(\2))"),
    (r"\\log 2(\(1-D\)|D)", r"log(2*\1)"),
    (r"\\log D", "log(D)"),
    (r"\\tfrac12", "0.5*"),
    (r"e\^\{(.*?)\}", r"exp(\1)"),
    (r"\\max\(0,", "relu("),
    (r"\^2", "**2"),
    (r"\\log", "log"),
]


@pytest.mark.parametrize("name", LINKS)
def test_the_formulas_that_links_print_are_the_code_that_trains(name):
    t = torch.linspace(-3, 3, 13, dtype=torch.float64)
    names = {"t": t, "D": torch.sigmoid(t), "log": torch.log, "exp": torch.exp, "relu": torch.relu}
    link = LINKS[name]
    for side in ("real", "fake", "generator"):
        code = getattr(link, f"{side}_tex")(Writer().at(("x",))).replace(r"_\phi(x)", "")
        for tex, python in AS_CODE:
            code = re.sub(tex, python, code)
        try:
            printed = eval(code, names)
        except (SyntaxError, NameError) as error:
            pytest.fail(
                f"no code for {code!r} ({error}); add to AS_CODE and names in tests/objective/test_objective.py."
            )
        torch.testing.assert_close(printed, getattr(link, side)(t), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in LINKS if n not in ("hinge", "Wasserstein")])
def test_a_link_descends_the_divergence_it_names(name):
    """With t at its optimum and frozen, f''(r) = -h'(r)/r, where h(r) is the generator's loss at ratio r = d/g."""
    link, best = LINKS[name], BEST.get(name, torch.log)
    r, t = RATIO, best(RATIO)
    stationary = r * slope(link.real, t) + slope(link.fake, t)
    advice = f"the best t of {name!r} is not log r: add it to BEST in tests/objective/test_objective.py."
    torch.testing.assert_close(stationary, 0 * r, rtol=0, atol=1e-12, msg=lambda found: f"{advice}\n{found}")
    found = -slope(lambda r: link.generator(best(r)), r) / r
    assert link.descends in F, f"add the generator f of {link.descends} to F in tests/objective/test_objective.py."
    torch.testing.assert_close(found, slope(lambda r: slope(F[link.descends], r), r), rtol=1e-9, atol=1e-12)


def test_hinge_at_its_best_is_twice_the_total_variation():
    d, g = torch.tensor([[0.5, 0.2, 0.2, 0.1], [0.1, 0.4, 0.2, 0.3]], dtype=torch.float64)
    t = torch.linspace(-2, 2, 401, dtype=torch.float64)
    link = LINKS["hinge"]
    at = (d[:, None] * link.real(t) + g[:, None] * link.fake(t)).min(1)
    variation = 0.5 * (d - g).abs().sum()
    assert math.isclose(at.values.sum(), 2 - 2 * variation, rel_tol=1e-12)
    best = (d - g).sign()
    assert math.isclose((d * -link.generator(best) + g * link.generator(best)).sum(), 2 * variation, rel_tol=1e-12)


def test_links_stay_finite_where_the_naive_formula_does_not():
    t = torch.tensor([-200.0, 200.0])
    torch.testing.assert_close(LINKS["non-saturating"].generator(t), torch.tensor([200.0, 0.0]))
    torch.testing.assert_close(LINKS["minimax"].fake(t), -logsigmoid(-t))
