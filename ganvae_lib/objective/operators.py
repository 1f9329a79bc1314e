"""Operators on objectives, techniques that move between models; and the bound, the term that they make of a VAE.

Operators compose, and an objective stays printable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..distributions.sample import free_energy
from ..distributions.schedules import SCHEDULES
from ..distributions.spaces import BOTH, SPACES
from ..errors import check_choice, check_int, check_type
from ..figures.formula import Writer, expectation, kl
from ..figures.values import as_entry, field_names, from_entry
from .algebra import Objective, Sum
from .contract import TERMS, TOOLS, Term
from .further import Classify
from .terms import Match, Reconstruct
from .tools import KL, Adversary

if TYPE_CHECKING:
    from ..distributions.batch import Batch

__all__ = [
    "Bound",
    "adversary_activated",
    "from_dict",
    "given",
    "importance_weighted",
    "semi_supervised",
    "swapped",
    "to_dict",
]


@dataclass(frozen=True)
class Bound(Term):
    """E_{d(x)} F_k(x): the importance-weighted bound, Eq. ``eq-iwae`` (chapter 03); for k = 1 the VAE.

    given="label":     labels are given to encoder and decoder, E_{d(x,t)} F(x,t): Eq. ``eq-cvae`` (chapter 17).
    inferred="label":  examples of the other domain have no labels; they are inferred and summed over,
                       E_{d(x)} Σ_t q_η(t|x)[F(x,t) + log q_η(t|x)] + log C for C classes, uniform a priori:
                       Eq. ``eq-svae`` (chapter 17; Kingma et al., 2014).
    activated:         a discriminator weights real and generated examples, ½E_d[D F] + ½E_{p_θ}[D F]; the generated
                       ones carry no gradient: Eq. ``eq-aavae`` (chapter 16; Hu et al., 2018).
    Raises ValueError for a k below 1, labels both given and inferred, and ``only`` one player where nothing says so.

    >>> from ganvae_lib import Bound
    >>> print(Bound(k=5))
    Bound(k=5)
      θ descends E_{d(x)}[E_{q_η(z_1..5|x)}[-log 1/5 Σ_i p_θ(x,z_i)/q_η(z_i|x)]]
      η descends E_{d(x)}[E_{q_η(z_1..5|x)}[-log 1/5 Σ_i p_θ(x,z_i)/q_η(z_i|x)]]
    """

    k: int = 1
    inferred: str | None = None
    activated: bool = False
    space = "x"
    reaches = BOTH  # the players on whom the loss depends
    takes_labels = True  # it can compare what is given a label
    needs_decoder_density = True  # it asks for log p(x|z)

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", check_int("k, a number of samples,", self.k))
        check_choice("thing to be inferred", self.inferred, (None, "label"))
        if self.given and self.inferred:
            raise ValueError("the label is either given or inferred, not both.")
        super().__post_init__()

    adversarial = property(lambda self: self.activated)
    steps = property(lambda self: int(self.activated))
    discriminator = property(lambda self: SPACES["x"].discriminator_given(self.given) if self.activated else "")

    @property
    def networks(self) -> tuple[str, ...]:
        labeller = ("labeller",) if self.inferred else ()
        return ("encoder", "decoder", *labeller, *((self.discriminator,) if self.activated else ()))

    @property
    def conditional(self) -> tuple[str, ...]:
        return ("encoder", "decoder") if self.inferred else super().conditional

    @property
    def reads(self) -> tuple[str, ...]:
        return ("other", "labels") if self.inferred else super().reads

    _variable = property(lambda self: ("other",) if self.inferred else ("x",))  # whose likelihood it bounds

    def loss(self, batch: Batch) -> Tensor:
        (x,) = batch.read(self._variable)
        if not self.activated:
            return self._free_energy(batch, x).mean(-1)
        # As many generated examples as real ones: the mean over both is the two halves of the formula.
        x = torch.cat((x, batch.x_from_z.detach()), len(batch.noise.seeds_shape))
        real_probability = batch.model.networks[self.discriminator](x).logits.detach().sigmoid()
        return (real_probability * self._free_energy(batch, x)).mean(-1)

    def _free_energy(self, batch: Batch, x: Tensor) -> Tensor:
        """The negative bound of each example, [*seeds, batch]."""
        axis = len(batch.noise.seeds_shape)
        n_rows = x.shape[axis]
        noise = batch.noise.tiled(n_rows // batch.size)  # x may be two minibatches side by side: see ``loss``
        if not self.inferred:
            return free_energy(batch.model, x, noise, self.k)
        label_posterior = batch.model.labeller(x)
        classes = label_posterior.logits.shape[-1]
        labels = torch.arange(classes, device=x.device).repeat_interleave(n_rows).expand(*batch.noise.seeds_shape, -1)
        model_at_labels = batch.model.at(labels)
        x_for_each_class = torch.cat([x] * classes, axis)
        energies = free_energy(model_at_labels, x_for_each_class, noise.tiled(classes), self.k, "z from x, unlabelled")
        log_prob = label_posterior.logits.mT.log_softmax(axis)  # log q_η(t|x), [*seeds, classes, n]
        return (log_prob.exp() * (energies.unflatten(axis, (classes, n_rows)) + log_prob)).sum(axis) + math.log(classes)

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """The discriminator's loss of ``eq-gan-value`` (chapter 04), [*seeds]: real examples against generated ones."""
        (real,) = batch.read(self._variable)
        discriminator = batch.model.networks[self.discriminator]
        return Adversary().discriminator_loss(discriminator, real, batch.x_from_z.detach(), batch.noise)

    def model_stands(self, player: str) -> str:
        return "second"

    def swapped(self) -> Term:
        raise TypeError(f"{self!r} is a bound on the likelihood of x, which has no mirror image in z.")

    def formula(self, writer: Writer, player: str) -> str:
        if player == "phi":
            return Adversary().formula(writer, SPACES["x"], player)
        energy_formula = self._free_energy_formula(Writer("label") if self.inferred else writer)
        if self.inferred:
            energy_formula = expectation(r"q_\eta(t|x)", rf"{energy_formula} + \log q_\eta(t|x)") + r" + \log C"
        if not self.activated:
            return expectation(writer.d, energy_formula)
        frozen_law = writer.made(writer.p("x", theta=r"{\theta_0}"))
        expectations = rf"(\mathbb{{E}}_{{{writer.d}}} + \mathbb{{E}}_{{{frozen_law}}})"
        return rf"\tfrac12{expectations}[{writer.at(('x',)).D}\,({energy_formula})]"

    def _free_energy_formula(self, writer: Writer) -> str:
        if self.k == 1:
            reconstruction = rf"-\log {writer.p('x', 'z')}"
            return f"{expectation(writer.q('z', 'x'), reconstruction)} + {kl(writer.q('z', 'x'), 'p(z)')}"
        ratio = rf"\sum_i {writer.p('x,z_i')}/{writer.q('z_i', 'x')}"
        return expectation(writer.q(f"z_{{1:{self.k}}}", "x"), rf"-\log\tfrac{{1}}{{{self.k}}}{ratio}")

    @property
    def name(self) -> str:
        return f"bound{' without labels' if self.inferred else ''}{self.for_whom}"

    @property
    def detail(self) -> str:
        return f"k={self.k}"

    @property
    def title(self) -> str:
        remarks = [f"{self.k} samples"] if self.k > 1 else []
        if self.activated:
            remarks.append("weighed")
        return f"bound ({', '.join(remarks)})" if remarks else "bound"

    @property
    def compared(self) -> tuple[str, ...]:
        return ("x",) if self.activated else ()


def swapped(objective: Objective) -> Objective:
    """Exchange x and z, theta and eta: generation becomes inference and inference generation.

    Swapping twice gives the objective back. Raises TypeError for a bound on the likelihood, which has no mirror image.

    >>> from ganvae_lib import zoo
    >>> swapped(zoo.GAN)
    Match('z', Adversary('non-saturating'))
    >>> swapped(swapped(zoo.VAE)) == zoo.VAE
    True
    """
    return Sum.of(*(term.swapped() for term in _terms(objective)))


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
    with_bounds = _with_bounds(objective)
    terms = []
    for term in with_bounds.terms:
        if isinstance(term, Match) and isinstance(term.tool, Adversary) and term.tool.link == "non-saturating":
            term = replace(term, tool=replace(term.tool, k=k))
        elif isinstance(term, Bound):
            term = replace(term, k=k)  # type: ignore[arg-type]  # a Bound refuses a k that is no number
        elif not isinstance(term, Classify) or len(with_bounds.terms) == 1:
            raise _refusal(term, "weights samples by importance", "is neither a bound nor a non-saturating adversary")
        terms.append(term)
    weighted = Sum.of(*terms)
    return objective if weighted == with_bounds else weighted


def adversary_activated(objective: Objective) -> Objective:
    """Let a discriminator weight real and generated examples in a bound: a VAE becomes an AAVAE (Hu et al., 2018).

    ½E_d[D F] + ½E_{p_θ}[D F], Eq. ``eq-aavae`` (chapter 16), where F is the negative bound of one example. Raises
    TypeError for terms that are no bound.

    >>> from ganvae_lib import zoo
    >>> adversary_activated(zoo.VAE)
    Bound(activated=True)
    """
    terms = _with_bounds(objective).terms
    allowed = Bound | Classify if len(terms) > 1 else Bound  # a classifier only beside bounds, as in an SVAE
    for term in terms:
        if not isinstance(term, allowed):
            raise _refusal(term, "activates the discriminator of a bound", "is no part of one")
    return Sum.of(*(replace(term, activated=True) if isinstance(term, Bound) else term for term in terms))


def given(objective: Objective, label: str = "label") -> Objective:
    """Tell every network the label: GAN and VAE become CGAN and CVAE (Mirza and Osindero, 2014; Sohn et al., 2015).

    Eq. ``eq-cgan`` and Eq. ``eq-cvae`` (chapter 17). Data need labels. Raises ValueError for anything but "label" and
    for a comparison that cannot see it, TypeError for a term that has no place for it.

    >>> from ganvae_lib import zoo
    >>> given(zoo.GAN, "label")
    Match('x', Adversary('non-saturating'), given='label')
    """
    check_choice("thing to be given", label, ("label",))
    for term in _terms(objective):
        if not term.takes_labels:
            raise _refusal(term, "tells the label to every network", "has no place for it")
    return Sum.of(*(replace(term, given=label) for term in _terms(objective)))


def semi_supervised(objective: Objective, classify: float = 1.0) -> Objective:
    """Learn from labelled and unlabelled examples: a VAE becomes an SVAE (Kingma et al., 2014, model M2).

    The bound at given labels, the bound with the label inferred by q_η(t|x) on examples without one, and ``classify``
    times the classifier's loss on labelled ones: Eq. ``eq-svae`` (chapter 17). Give ``data.Domains(labelled,
    unlabelled)``. Raises TypeError for an objective that is more than a bound.

    >>> from ganvae_lib import zoo
    >>> semi_supervised(zoo.VAE)
    Reconstruct('x', given='label') + Match('z', KL(), given='label') + Bound(inferred='label') + Classify(seen='x')
    """
    bounds = _with_bounds(objective).terms
    if len(bounds) > 1 or not isinstance(bounds[0], Bound) or bounds[0].inferred:
        refused_term = next((term for term in bounds if not isinstance(term, Bound)), bounds[-1])
        raise _refusal(refused_term, "sums a bound over the labels", "is no part of one")
    return given(objective) + replace(bounds[0], given=None, inferred="label") + classify * Classify(seen="x")


def _terms(objective: Objective) -> tuple[Term, ...]:
    return check_type("objective", objective, Objective, "take one of zoo, or add terms such as Match(...)").terms


def _with_bounds(objective: Objective) -> Objective:
    """The objective with each pair of Reconstruct("x") and Match("z", KL()) of one weight written as a Bound."""
    terms = list(_terms(objective))
    reconstructions = [term for term in terms if term == Reconstruct("x", weight=term.weight, given=term.given)]
    for reconstruction in reconstructions:
        kl_term = Match("z", KL(), weight=reconstruction.weight, given=reconstruction.given)
        if kl_term in terms:
            terms[terms.index(reconstruction)] = Bound(weight=kl_term.weight, given=kl_term.given)
            terms.remove(kl_term)
    return Sum.of(*terms)


def _refusal(term: Term, does: str, why: str) -> TypeError:
    """The error for a term with which an operator that ``does`` something cannot deal, and ``why``."""
    return TypeError(
        f"this operator {does}, but {term!r} {why}; it knows Reconstruct('x') + Match('z', KL()) of one weight, Bound, "
        "and what its documentation names."
    )


# ---------------------------------------------------------------- objectives as JSON


def to_dict(objective: Objective) -> list[dict]:
    """The objective as plain JSON values."""
    saved_fields = lambda term: tuple(field for field in field_names(term) if field != "given" or term.takes_labels)
    return [as_entry(term, "term", saved_fields(term)) for term in objective.terms]


def from_dict(terms: list[dict]) -> Objective:
    """The inverse of ``to_dict``. Raises ValueError for a term or tool that is not known here, and says what to do."""
    return Sum.of(*(from_entry(entry, "term", "term", TERMS, TOOLS | SCHEDULES) for entry in terms))
