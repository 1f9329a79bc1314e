"""The graph of an objective shows its networks and no others, what each discriminator sees, and no label hides another."""

import numpy as np
import pytest
from cases import every

from ganvae_lib import (
    MMD,
    Adversary,
    Classify,
    Denoise,
    Likelihood,
    Match,
    adversary_activated,
    draw,
    given,
    importance_weighted,
    zoo,
)

DISCRIMINATORS = {
    "discriminator_x": "$q_\\phi(y|x)$",
    "discriminator_z": "$q_\\phi(y|z)$",
    "discriminator_xz": "$q_\\phi(y|x,z)$",
    "discriminator_z_given_x": r"$D_\phi(z|x)$",
    "discriminator_x_given_z": r"$D_\phi(x|z)$",
    "discriminator_x_given_label": "$q_\\phi(y|x,t)$",
    "discriminator_z_given_label": "$q_\\phi(y|z,t)$",
    "discriminator_xz_given_label": "$q_\\phi(y|x,z,t)$",
    "discriminator_z_given_x_given_label": r"$D_\phi(z|x,t)$",
    "discriminator_features": "$q_\\phi(y|x)$",
    "discriminator_noisy_x": r"$q_\phi(y|\tilde x,\tau)$",
    "scores_x": "distillation",
    "predictor_z": r"$\hat z_\phi(z_{\backslash i})$",
}
MAKERS = {
    "decoder": r"$p_\theta(x|z)$",
    "encoder": r"$q_\eta(z|x)$",
    "density": r"$p_\theta(x)$",
    "density_code": r"$p_\theta(z)$",
    "denoiser_code": r"$\hat z_\theta(\tilde z,\tau)$",
    "features": r"$x=G_\theta(z)$",
    "classifier": r"$p_\theta(t|x)$",
    "labeller": r"$q_\eta(t|x)$",
    "denoiser_x": r"$\hat x_\theta(\tilde x,\tau)$",
    "denoiser_z": r"$\hat z_\eta(\tilde z,\tau)$",
}


MORE = {
    "MMD of pairs": zoo.GAN + Match("xz", MMD()) + Match("z again", MMD()),
    "again": Match("x again", Adversary()),
    "ALI given labels": given(zoo.ALI),
    "AAE given labels": given(zoo.AAE),
    "AVB given labels": given(zoo.AVB),
    "InfoGAN given labels": given(zoo.INFOGAN),
    "IWCGAN": importance_weighted(zoo.CGAN, 3),
    "labeller": Classify(seen="x"),
    "IWADA": importance_weighted(zoo.ADA, 4),
    "AASVAE": adversary_activated(zoo.SVAE),
    "AACVAE": adversary_activated(zoo.CVAE),
    "diffusion given labels": given(zoo.DIFFUSION),
    "a learned Gaussian prior": zoo.VAE + Match("code", Likelihood()),
    "a VAE beside a diffusion of x and of z": zoo.VAE + zoo.DIFFUSION + Match("z", Denoise()),
}


def assert_no_arrow_strikes_a_label(ax):
    """Written in the colour of the paper, labels leave nothing to see where they stand: an arrow passes behind them."""
    labels = [t for t in ax.texts if len(t.get_text()) > 3 and t.get_fontsize() != 12]  # not the letters in nodes
    for label in labels:
        label.set_color(ax.figure.get_facecolor())
    canvas = ax.figure.canvas
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba()).astype(int)[::-1]  # from below, as extents count
    for label in labels:
        box = label.get_window_extent()
        seen = pixels[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)]
        assert seen.size and abs(seen - pixels[0, 0]).max() < 2, label.get_text()


@every(zoo.ALL | MORE)
def test_an_objective_has_its_graph(case):
    ax = draw.schematic(case)
    ax.figure.canvas.draw()
    texts = [t.get_text() for t in ax.texts]
    given_labels = {n: MAKERS[n].replace(")", ",t)") for n in MAKERS if n in case.conditional}
    labels = DISCRIMINATORS | MAKERS | given_labels
    for network in case.networks:
        assert network in labels, f"draw {network!r} in ganvae_lib/figures/graph.py, and say here how it is written."
    assert {labels[n] for n in case.networks} == set(texts) & set(labels.values())
    terms = repr(case)
    assert ("$\\hat x$" in texts) == ("x again" in terms or "within" in terms)
    assert texts.count("$\\approx$") == sum(terms.count(f"{tool}(") for tool in ("MMD", "Summaries", "Distill"))
    dotted = [p for p in ax.patches if p.get_linestyle() in (":", "dotted")]
    seen = {
        "discriminator_x_given_label": 2,
        "discriminator_z_given_label": 2,
        "discriminator_xz_given_label": 3,
        "discriminator_z_given_x_given_label": 3,
        "discriminator_xz": 2,
        "discriminator_z_given_x": 2,
        "discriminator_x_given_z": 2,
    }
    discriminators = [n for n in case.networks if n in DISCRIMINATORS]
    assert len(dotted) == sum(seen.get(n, 1) for n in discriminators) + ("x again" in terms)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert all(left < t.get_position()[0] < right and bottom < t.get_position()[1] < top for t in ax.texts)
    boxes = [t.get_window_extent() for t in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])  # no label hides another
    assert_no_arrow_strikes_a_label(ax)


@pytest.mark.parametrize(
    "objective, shown", [(zoo.ADA, {"$z$", "$x$", "$t$", "$y$"}), (zoo.SOURCE_ONLY, {"$z$", "$x$", "$t$"})]
)
def test_the_graph_of_features(objective, shown):
    ax = draw.schematic(objective)
    texts = {text.get_text() for text in ax.texts}
    assert shown == {text for text in texts if len(text) == 3}
    assert (r"$q_\phi(y|x)$" in texts) == bool(objective.adversaries)
