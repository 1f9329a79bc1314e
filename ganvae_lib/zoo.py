"""Every named model, a line or two each. The formula that an entry prints is the code that trains it."""

from __future__ import annotations

from .objective import Objective
from .terms import Classify, Match, Reconstruct
from .tools import KL, Adversary, Likelihood

__all__ = [
    "ADA", "ALL", "DANN", "FGAN_JS", "FGAN_KL", "FGAN_REVERSE_KL", "GAN", "HELMHOLTZ", "HINGE_GAN", "KL_GAN",
    "LIKELIHOOD", "LSGAN", "MINIMAX_GAN", "REVERSE_KL_GAN", "SOURCE_ONLY", "VAE", "WGAN_GP", "beta_vae",
]  # fmt: skip

# No latent variable and no adversary: maximum likelihood of a density, here a Gaussian.
LIKELIHOOD = Match("x", Likelihood())

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

ALL: dict[str, Objective] = {
    "maximum likelihood": LIKELIHOOD, "VAE": VAE, "beta-VAE": beta_vae(), "GAN": GAN,
    "minimax GAN": MINIMAX_GAN, "KL-GAN": KL_GAN, "reverse-KL GAN": REVERSE_KL_GAN, "LSGAN": LSGAN,
    "hinge GAN": HINGE_GAN, "WGAN-GP": WGAN_GP,
    "Helmholtz machine": HELMHOLTZ, "source only": SOURCE_ONLY, "DANN": DANN, "ADA": ADA,
    "f-GAN (KL)": FGAN_KL, "f-GAN (reverse KL)": FGAN_REVERSE_KL, "f-GAN (JS)": FGAN_JS,
}  # fmt: skip
