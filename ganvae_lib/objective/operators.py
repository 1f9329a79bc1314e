"""Operators on objectives: techniques that move between models. They compose, and an objective stays printable."""

from __future__ import annotations

from dataclasses import replace

from ..errors import unknown
from .algebra import Objective, Sum
from .bound import Bound
from .terms import Classify, Match, Reconstruct
from .tools import KL, Adversary

__all__ = ["adversary_activated", "given", "importance_weighted", "semi_supervised", "swapped"]


def swapped(objective: Objective) -> Objective:
    """Exchange x and z, theta and eta: generation becomes inference and inference generation.

    Swapping twice gives the objective back. Raises TypeError for a bound on the likelihood, which has no mirror image.

    >>> from ganvae_lib import zoo
    >>> swapped(zoo.GAN)
    Match('z', Adversary('non-saturating'))
    >>> swapped(swapped(zoo.VAE)) == zoo.VAE
    True
    """
    return Sum.of(*(term.swapped() for term in objective.terms))


def importance_weighted(objective: Objective, k: int | str) -> Objective:
    """Use ``k`` samples, weighted: a VAE becomes an IWAE, a GAN an IWGAN (Burda et al., 2016; Hu et al., 2018).

    The two terms of the VAE become one ``Bound(k)``, Eq. ``eq-iwae`` (chapter 03). A non-saturating adversary weights
    the samples of its minibatch by their odds in groups of k, or all of them for k="batch", as the paper does:
    Eq. ``eq-iwgan`` (chapter 15). k = 1 is the objective without weights. Raises TypeError for an objective with
    another term: the k-sample bound of a sum is not the sum of bounds.

    >>> from ganvae_lib import zoo
    >>> importance_weighted(zoo.VAE, 5), importance_weighted(zoo.GAN, "batch")
    (Bound(k=5), Match('x', Adversary('non-saturating', k='batch')))
    """
    bounded, terms = _bounded(objective), []
    for term in bounded.terms:
        if isinstance(term, Match) and isinstance(term.tool, Adversary) and term.tool.link == "non-saturating":
            term = replace(term, tool=replace(term.tool, k=k))
        elif isinstance(term, Bound):
            term = replace(term, k=k)
        elif not isinstance(term, Classify) or len(bounded.terms) == 1:
            raise _refused(term, "weights samples by importance", "is neither a bound nor a non-saturating adversary")
        terms.append(term)
    weighted = Sum.of(*terms)
    return objective if weighted == bounded else weighted


def adversary_activated(objective: Objective) -> Objective:
    """Let a discriminator weight real and generated examples in a bound: a VAE becomes an AAVAE (Hu et al., 2018).

    ½E_d[D F] + ½E_{p_θ}[D F], Eq. ``eq-aavae`` (chapter 16), where F is the negative bound of one example. Raises
    TypeError for terms that are no bound.

    >>> from ganvae_lib import zoo
    >>> adversary_activated(zoo.VAE)
    Bound(activated=True)
    """
    terms = _bounded(objective).terms
    for term in terms:
        if not isinstance(term, Bound | Classify if len(terms) > 1 else Bound):
            raise _refused(term, "activates the discriminator of a bound", "is no part of one")
    return Sum.of(*(replace(t, activated=True) if isinstance(t, Bound) else t for t in terms))


def given(objective: Objective, label: str = "label") -> Objective:
    """Tell every network the label: GAN and VAE become CGAN and CVAE (Mirza and Osindero, 2014; Sohn et al., 2015).

    Eq. ``eq-cgan`` and Eq. ``eq-cvae`` (chapter 17). Data need labels. Raises ValueError for anything but "label" and
    for a comparison that cannot see it, TypeError for a term that has no place for it.

    >>> from ganvae_lib import zoo
    >>> given(zoo.GAN, "label")
    Match('x', Adversary('non-saturating'), given='label')
    """
    if label != "label":
        raise unknown("thing to be given", label, ("label",))
    for term in objective.terms:
        if not term.takes_labels:
            raise _refused(term, "tells the label to every network", "has no place for it")
    return Sum.of(*(replace(term, given=label) for term in objective.terms))


def semi_supervised(objective: Objective, classify: float = 1.0) -> Objective:
    """Learn from labelled and unlabelled examples: a VAE becomes an SVAE (Kingma et al., 2014, model M2).

    The bound at given labels, the bound with the label inferred by q_η(t|x) on examples without one, and ``classify``
    times the classifier's loss on labelled ones: Eq. ``eq-svae`` (chapter 17). Give ``data.Domains(labelled,
    unlabelled)``. Raises TypeError for an objective that is more than a bound.

    >>> from ganvae_lib import zoo
    >>> semi_supervised(zoo.VAE)
    Reconstruct('x', given='label') + Match('z', KL(), given='label') + Bound(inferred='label') + Classify(seen='x')
    """
    bounds = _bounded(objective).terms
    if len(bounds) > 1 or not isinstance(bounds[0], Bound) or bounds[0].inferred:
        raise _refused(bounds[-1], "sums a bound over the labels", "is no part of one")
    return given(objective) + replace(bounds[0], given=None, inferred="label") + classify * Classify(seen="x")


def _bounded(objective: Objective) -> Objective:
    """The objective with each pair of Reconstruct("x") and Match("z", KL()) of one weight written as a Bound."""
    terms = list(objective.terms)
    for reconstruct in [t for t in terms if t == Reconstruct("x", weight=t.weight, given=t.given)]:
        kl = Match("z", KL(), weight=reconstruct.weight, given=reconstruct.given)
        if kl in terms:
            terms[terms.index(reconstruct)] = Bound(weight=kl.weight, given=kl.given)
            terms.remove(kl)
    return Sum.of(*terms)


def _refused(term, does: str, why: str) -> TypeError:
    return TypeError(
        f"this operator {does}, but {term!r} {why}; it knows Reconstruct('x') + Match('z', KL()) of one weight, Bound, "
        "and what its documentation names."
    )
