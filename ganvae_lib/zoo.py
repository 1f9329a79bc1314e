"""Every named model, a line or two each. The formula that an entry prints is the code that trains it."""

from __future__ import annotations

from dataclasses import replace
from math import copysign

from .objective.algebra import Objective
from .objective.operators import adversary_activated, given, importance_weighted, semi_supervised, swapped
from .objective.terms import Classify, Match, Reconstruct, Unpredictable
from .objective.tools import KL, MMD, Adversary, Likelihood, Summaries

__all__ = [
    "AAE",
    "AAVAE",
    "ABC",
    "ADA",
    "ALI",
    "ALL",
    "ALPHA_GAN",
    "AS_VAE",
    "AVB",
    "BIGAN",
    "CGAN",
    "CVAE",
    "CYCLEGAN",
    "DANN",
    "FGAN_JS",
    "FGAN_KL",
    "FGAN_REVERSE_KL",
    "GAN",
    "GMMN",
    "HELMHOLTZ",
    "HINGE_GAN",
    "INFOGAN",
    "IWAE",
    "IWGAN",
    "KL_GAN",
    "LIKELIHOOD",
    "LSGAN",
    "MDGAN",
    "MINIMAX_GAN",
    "PIXELCNN",
    "PIXELRNN",
    "PREDICTABILITY_MINIMISATION",
    "REVERSE_KL_GAN",
    "RNN_LM",
    "SOURCE_ONLY",
    "SVAE",
    "VAE",
    "VAE_GAN",
    "WAE_MMD",
    "WGAN_GP",
    "beta_vae",
    "name",
]

# No latent variable and no adversary: maximum likelihood of a density. The network makes the model: a Gaussian; masked
# convolutions or a recurrent network over rows (van den Oord et al., 2016a, b); a recurrent network over characters.
LIKELIHOOD = PIXELCNN = PIXELRNN = RNN_LM = Match("x", Likelihood())

# Kingma and Welling, 2014; Rezende, Mohamed and Wierstra, 2014.
VAE = Reconstruct("x") + Match("z", KL())


def beta_vae(beta: float = 4.0) -> Objective:
    """Higgins et al., 2017: the VAE with its KL term weighted by ``beta``."""
    return Reconstruct("x") + beta * Match("z", KL())


# Goodfellow et al., 2014: the game as derived (minimax), and the generator's loss in use (non-saturating).
MINIMAX_GAN = Match("x", Adversary("minimax"))
GAN = Match("x", Adversary("non-saturating"))

# The same discriminator, read as a log ratio: the two directions of KL.
KL_GAN = Match("x", Adversary("KL"))
REVERSE_KL_GAN = Match("x", Adversary("reverse KL"))

# Mao et al., 2017. Lim and Ye, 2017. Arjovsky et al., 2017, with the penalty of Gulrajani et al., 2017.
LSGAN = Match("x", Adversary("least squares"))
HINGE_GAN = Match("x", Adversary("hinge"))
WGAN_GP = Match("x", Adversary("Wasserstein", steps=5, penalty=10.0))

# Nowozin, Cseke and Tomioka, 2016.
FGAN_KL = Match("x", Adversary("f-KL"))
FGAN_REVERSE_KL = Match("x", Adversary("f-reverse KL"))
FGAN_JS = Match("x", Adversary("f-JS"))

# Dayan, Hinton, Neal and Zemel, 1995: the Helmholtz machine, trained by wake-sleep (Hinton et al., 1995).
HELMHOLTZ = Reconstruct("x", only=("theta",)) + Reconstruct("z", only=("eta",))

# A classifier of the source domain alone, the baseline. Ganin and Lempitsky, 2015: the gradient of the domain
# classifier reversed (minimax). Adversarial domain adaptation as in Hu et al., 2018: its answers reversed.
SOURCE_ONLY = Classify()
DANN = Classify() + Match("features", Adversary("minimax"))
ADA = Classify() + Match("features", Adversary("non-saturating"))

# Chen et al., 2016: z is the code; noise that nobody infers is an input of the generator. Makhzani et al., 2015: the
# same with x and z exchanged. Tolstikhin et al., 2018: its adversary exchanged for MMD.
INFOGAN = Match("x", Adversary()) + Reconstruct("z")
AAE = swapped(INFOGAN)
WAE_MMD = Reconstruct("x") + 10 * Match("z", MMD())

# Schmidhuber, 1992, with a reconstruction that keeps the code informative.
PREDICTABILITY_MINIMISATION = Reconstruct("x") + Unpredictable("z")

# Zhu et al., 2017, where z is data too: InfoGAN and its mirror image. Published with least squares, and with weight 10
# on mean absolute errors.
CYCLEGAN = INFOGAN + AAE

# Larsen et al., 2016. Che et al., 2017: their regulariser, where the discriminator does not train on reconstructions
# (what they call MDGAN trains in two steps). Rosca et al., 2017.
VAE_GAN = (
    Reconstruct("x", within="discriminator")
    + Match("z", KL())
    + Match("x", Adversary())
    + Match("x again", Adversary(), only=("theta",))
)
MDGAN = Match("x", Adversary()) + Reconstruct("x") + Match("x again", Adversary(steps=0))
ALPHA_GAN = (
    Reconstruct("x")
    + Match("x", Adversary("reverse KL"))
    + Match("x again", Adversary("reverse KL"))
    + Match("z", Adversary("reverse KL"))
)

# Dumoulin et al., 2017; Donahue et al., 2017, who wrote the game as minimax.
ALI = Match("xz", Adversary())
BIGAN = Match("xz", Adversary("minimax"))

# Mescheder, Nowozin and Geiger, 2017. Pu et al., 2017: the same bound for x and for z.
AVB = Reconstruct("x") + Match("z|x", Adversary("reverse KL"))
AS_VAE = AVB + swapped(AVB)

# Li, Swersky and Zemel, 2015; Dziugaite, Roy and Ghahramani, 2015.
GMMN = Match("x", MMD("gaussian"))

# Approximate Bayesian computation (Tavare et al., 1997; Pritchard et al., 1999) compares summaries: `rejection` accepts
# by the distance that `fit` descends.
ABC = Match("x", Summaries())

# Burda, Grosse and Salakhutdinov, 2016, with their k = 5; Hu et al., 2018, where k is the minibatch.
IWAE = importance_weighted(VAE, 5)
IWGAN = importance_weighted(GAN, "batch")

# Hu et al., 2018: the discriminator that a VAE hides, activated.
AAVAE = adversary_activated(VAE)

# Mirza and Osindero, 2014. Sohn, Lee and Yan, 2015. Kingma, Mohamed, Rezende and Welling, 2014: their model M2.
CGAN = given(GAN, "label")
CVAE = given(VAE, "label")
SVAE = semi_supervised(VAE)

ALL: dict[str, Objective] = {
    "maximum likelihood": LIKELIHOOD,
    "VAE": VAE,
    "beta-VAE": beta_vae(),
    "GAN": GAN,
    "minimax GAN": MINIMAX_GAN,
    "KL-GAN": KL_GAN,
    "reverse-KL GAN": REVERSE_KL_GAN,
    "LSGAN": LSGAN,
    "hinge GAN": HINGE_GAN,
    "WGAN-GP": WGAN_GP,
    "Helmholtz machine": HELMHOLTZ,
    "source only": SOURCE_ONLY,
    "DANN": DANN,
    "ADA": ADA,
    "InfoGAN": INFOGAN,
    "AAE": AAE,
    "WAE-MMD": WAE_MMD,
    "predictability minimisation": PREDICTABILITY_MINIMISATION,
    "CycleGAN": CYCLEGAN,
    "VAE/GAN": VAE_GAN,
    "MDGAN": MDGAN,
    "alpha-GAN": ALPHA_GAN,
    "ALI": ALI,
    "BiGAN": BIGAN,
    "AVB": AVB,
    "AS-VAE": AS_VAE,
    "GMMN": GMMN,
    "ABC": ABC,
    "IWAE": IWAE,
    "IWGAN": IWGAN,
    "AAVAE": AAVAE,
    "CGAN": CGAN,
    "CVAE": CVAE,
    "SVAE": SVAE,
    "f-GAN (KL)": FGAN_KL,
    "f-GAN (reverse KL)": FGAN_REVERSE_KL,
    "f-GAN (JS)": FGAN_JS,
}


def name(objective: Objective) -> str | None:
    """The name of an objective in ``ALL``; if it has none, of one that differs in the size of its weights; or None.

    >>> name(Reconstruct("x") + Match("z", KL())), name(Reconstruct("x") + 7 * Match("z", Adversary()))
    ('VAE', 'AAE')
    """
    bare = lambda o: frozenset(replace(t, weight=copysign(1.0, t.weight)) for t in o.terms)
    exact = (n for n, known in ALL.items() if known == objective)
    alike = (n for n, known in ALL.items() if bare(known) == bare(objective))
    return next(exact, None) or next(alike, None)
