"""Every named model and its sources, keys of book/references.bib; the formula that it prints is what trains it."""

from __future__ import annotations

from dataclasses import replace
from math import copysign
from typing import TypeVar

from .distributions.schedules import Schedule
from .objective.algebra import Objective
from .objective.denoising import Denoise, Distill
from .objective.further import MMD, Classify, Quantise, Summaries, Unpredictable
from .objective.operators import adversary_activated, given, importance_weighted, semi_supervised, swapped
from .objective.terms import Match, Reconstruct
from .objective.tools import KL, Adversary, Likelihood

ALL: dict[str, Objective] = {}
NETWORKS: dict[str, Objective] = {}  # models that differ from one in ALL by their network only
REFERENCES: dict[str, str] = {}
Entry = TypeVar("Entry", bound=Objective)


def named(name: str, objective: Entry, references: str, entries: dict[str, Objective] = ALL) -> Entry:
    """Enter ``objective`` among ``entries`` under its name, with the citation keys of its sources; return it."""
    entries[name] = objective
    REFERENCES[name] = references
    return objective


# A density, without latent variable and adversary; the network makes the model.
LIKELIHOOD = named("maximum likelihood", Match("x", Likelihood()), "minka2005divergence")
PIXELCNN = named("PixelCNN", LIKELIHOOD, "oord2016pixel,oord2016conditional", NETWORKS)
PIXELRNN = named("PixelRNN", LIKELIHOOD, "oord2016pixel", NETWORKS)
RNN_LM = named("RNN language model", LIKELIHOOD, "cho2014learning,karpathy2015charrnn", NETWORKS)

VAE = named("VAE", Reconstruct("x") + Match("z", KL()), "kingma2014auto,rezende2014stochastic")


def beta_vae(beta: float | Schedule = 4.0) -> Objective:
    """The VAE with its KL term weighted by ``beta`` (Higgins et al., 2017)."""
    return Reconstruct("x") + beta * Match("z", KL())


named("beta-VAE", beta_vae(), "higgins2017beta")

# The generator's loss in use (non-saturating), and the game as derived (minimax).
GAN = named("GAN", Match("x", Adversary("non-saturating")), "goodfellow2014generative")
MINIMAX_GAN = named("minimax GAN", Match("x", Adversary("minimax")), "goodfellow2014generative")

# The same discriminator, read as a log ratio: the two directions of KL.
KL_GAN = named("KL-GAN", Match("x", Adversary("KL")), "mohamed2016learning")
REVERSE_KL_GAN = named(
    "reverse-KL GAN", Match("x", Adversary("reverse KL")), "sonderby2017amortised,mohamed2016learning"
)

# Other divergences; the penalty is that of the second source.
LSGAN = named("LSGAN", Match("x", Adversary("least squares")), "mao2017least")
HINGE_GAN = named("hinge GAN", Match("x", Adversary("hinge")), "lim2017geometric")
WGAN_GP = named(
    "WGAN-GP",
    Match("x", Adversary("Wasserstein", steps=5, penalty=10.0)),
    "arjovsky2017wasserstein,gulrajani2017improved",
)

# Trained by wake-sleep: each of decoder and encoder learns from what the other one draws.
HELMHOLTZ = named(
    "Helmholtz machine",
    Reconstruct("x", only=("theta",)) + Reconstruct("z", only=("eta",)),
    "dayan1995helmholtz,hinton1995wake",
)

# A classifier of the source domain alone. DANN reverses the domain classifier's gradient, ADA its answers.
SOURCE_ONLY = named("source only", Classify(), "ganin2016domain")
DANN = named("DANN", Classify() + Match("features", Adversary("minimax")), "ganin2015unsupervised,ganin2016domain")
ADA = named("ADA", Classify() + Match("features", Adversary("non-saturating")), "hu2018unifying,tzeng2017adversarial")

# In InfoGAN z is the code; noise that nobody infers is another input of the generator. AAE exchanges x and z.
INFOGAN = named("InfoGAN", Match("x", Adversary()) + Reconstruct("z"), "chen2016infogan")
AAE = named("AAE", swapped(INFOGAN), "makhzani2015adversarial")
WAE_MMD = named("WAE-MMD", Reconstruct("x") + 10 * Match("z", MMD()), "tolstikhin2018wasserstein")

# The reconstruction keeps the code informative while its units become independent.
PREDICTABILITY_MINIMISATION = named(
    "predictability minimisation", Reconstruct("x") + Unpredictable("z"), "schmidhuber1992learning"
)

# CycleGAN: z is data too. Published with the link "least squares", and with weight 10 on mean absolute errors.
CYCLEGAN = named("CycleGAN", INFOGAN + AAE, "zhu2017unpaired")

# MDGAN here is its authors' regulariser (their MDGAN has two steps): no discriminator trains on reconstructions.
VAE_GAN = named(
    "VAE/GAN",
    Reconstruct("x", within="discriminator")
    + Match("z", KL())
    + Match("x", Adversary())
    + Match("x again", Adversary(), only=("theta",)),
    "larsen2016autoencoding",
)
MDGAN = named("MDGAN", Match("x", Adversary()) + Reconstruct("x") + Match("x again", Adversary(steps=0)), "che2017mode")
ALPHA_GAN = named(
    "alpha-GAN",
    Reconstruct("x")
    + Match("x", Adversary("reverse KL"))
    + Match("x again", Adversary("reverse KL"))
    + Match("z", Adversary("reverse KL")),
    "rosca2017variational",
)

# ALI and BiGAN are one idea, found twice; BiGAN's source writes the game as minimax.
ALI = named("ALI", Match("xz", Adversary()), "dumoulin2017adversarially")
BIGAN = named("BiGAN", Match("xz", Adversary("minimax")), "donahue2017adversarial")

# AVB estimates the KL term of a VAE by an adversary; AS-VAE adds the same bound for z.
AVB = named("AVB", Reconstruct("x") + Match("z|x", Adversary("reverse KL")), "mescheder2017adversarial")
AS_VAE = named("AS-VAE", AVB + swapped(AVB), "pu2017adversarial")

# Moments without an adversary. For ABC `rejection` accepts by the distance of summaries that `fit` descends.
GMMN = named("GMMN", Match("x", MMD("gaussian")), "li2015generative,dziugaite2015training")
ABC = named("ABC", Match("x", Summaries()), "tavare1997inferring,pritchard1999population")

# IWAE with k = 5 samples, as its authors; IWGAN weights the whole minibatch; AAVAE learns what a VAE hides.
IWAE = named("IWAE", importance_weighted(VAE, 5), "burda2016importance")
IWGAN = named("IWGAN", importance_weighted(GAN, "batch"), "hu2018unifying")
AAVAE = named("AAVAE", adversary_activated(VAE), "hu2018unifying")

# These are given labels; SVAE is the model M2 of its source.
CGAN = named("CGAN", given(GAN, "label"), "mirza2014conditional")
CVAE = named("CVAE", given(VAE, "label"), "sohn2015learning")
SVAE = named("SVAE", semi_supervised(VAE), "kingma2014semi")

# Networks that tell the noise, of the data (theta second) or of both sides (theta first); an adversary under noise.
DIFFUSION = named("diffusion", Match("x", Denoise("noise")), "ho2020denoising,sohldickstein2015deep")
FLOW_MATCHING = named("flow matching", Match("x", Denoise("velocity", "linear", "velocity")), "lipman2023flow")
DMD = named("DMD", Match("x", Distill()), "yin2024onestep,luo2023diffinstruct")
DIFFUSION_GAN = named("diffusion-GAN", Match("noisy x", Adversary()), "wang2023diffusion")

# A prior that is learned: of the entries of a codebook by their likelihood, of a VAE's codes by telling their noise.
VQ_VAE = named("VQ-VAE", Reconstruct("x") + Quantise() + Match("code", Likelihood()), "oord2017neural")
LATENT_DIFFUSION = named("latent diffusion", VAE + Match("code", Denoise("noise")), "rombach2022high,vahdat2021score")

# In an f-GAN the discriminator makes a lower bound of an f-divergence.
FGAN_KL = named("f-GAN (KL)", Match("x", Adversary("f-KL")), "nowozin2016fgan")
FGAN_REVERSE_KL = named("f-GAN (reverse KL)", Match("x", Adversary("f-reverse KL")), "nowozin2016fgan")
FGAN_JS = named("f-GAN (JS)", Match("x", Adversary("f-JS")), "nowozin2016fgan")

__all__ = ["ALL", "NETWORKS", "REFERENCES", "beta_vae", "name", "named"]
__all__ += sorted(constant for constant, value in list(globals().items()) if isinstance(value, Objective))


def name(objective: Objective) -> str | None:
    """The name of an objective in ``ALL``; if it has none, of one that differs in the size of its weights; or None.

    >>> name(Reconstruct("x") + Match("z", KL())), name(Reconstruct("x") + 7 * Match("z", Adversary()))
    ('VAE', 'AAE')
    """
    signs_only = lambda entry: frozenset(replace(term, weight=copysign(1.0, term.weight)) for term in entry.terms)
    kinds = lambda entry: {(type(term), term.space) for term in entry.terms}  # compared first, which is quick
    alike = [n for n, m in ALL.items() if kinds(m) == kinds(objective) and signs_only(m) == signs_only(objective)]
    return min(alike, key=lambda known_name: ALL[known_name] != objective, default=None)
