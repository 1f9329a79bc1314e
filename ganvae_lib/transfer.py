"""Operators on objectives: techniques that move between models."""

from __future__ import annotations

from .objective import Objective, Sum

__all__ = ["swapped"]


def swapped(objective: Objective) -> Objective:
    """Exchange x and z, theta and eta: generation becomes inference and inference generation.

    Swapping twice gives the objective back.

    >>> from ganvae_lib import zoo
    >>> swapped(zoo.GAN)
    Match('z', Adversary('non-saturating'))
    >>> swapped(swapped(zoo.VAE)) == zoo.VAE
    True
    """
    return Sum.of(*(term.swapped() for term in objective.terms))
