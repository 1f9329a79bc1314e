"""What a statement of the book needs: ``@needs(labels, hypothesis)`` on the test that shows it fail without.

book/registry.py reads the decorators and the two tables here, without running anything, for the page of checks.
``FREE`` are the statements that need nothing; a proof stands beside each. ``AS`` are those that are another one at each
label, with letters exchanged, or as a part of it: they need what that one needs.
"""

FREE = {
    # chapters 01 to 03
    "eq-explicit-model": "the product rule, for any prior and any conditional",
    "eq-implicit-model": "the definition of the law of G(z)",
    "eq-marginal": "a sum of terms that are not negative; it may be infinite",
    "eq-two-processes": "the product rule; where p(x) = 0 both sides are zero",
    "eq-kl": "its conventions say what it is where a density is zero",
    "eq-reverse-kl": "a Gaussian has an entropy, and a KL is never negative: the average may be infinite, but exists",
    "lem-price": "d is nowhere below its part; both sides may be infinite",
    "eq-lost-mode": "d is nowhere below its part; both sides may be infinite",
    "eq-js": "the mixture is positive wherever one of its parts is",
    "lem-compensation": "a JSD is at most log 2, so both sides may be infinite, but only together",
    "eq-compensation": "a JSD is at most log 2, so both sides may be infinite, but only together",
    "eq-kl-minus-js": "the compensation identity, which needs nothing",
    "eq-f-divergence": "a definition; f is convex, so the limits that it names exist",
    "eq-prices": "limits of a convex function, which may be infinite",
    # chapters 04 to 09
    "eq-gan-value": "a definition, with log 0 = -∞",
    "eq-wgan-gp": "it states a loss",
    "eq-chain-rule": "conditional probabilities; where the past has none both sides are zero",
    "eq-chain-kl": "terms that are not negative; both sides may be infinite",
    "lem-independent": "finitely many values have finite entropies",
    "eq-total-correlation": "finitely many values have finite entropies",
    "eq-reversed-loss": "a sum over two labels, with -log 0 = ∞",
    "eq-evidence": "the answers for the two labels sum to one",
    "lem-compensation-weighted": "a JSD is at most the entropy of the label, so both sides may be infinite, but only together",
    "eq-compensation-weighted": "a JSD is at most the entropy of the label, so both sides may be infinite, but only together",
    "lem-2": "one sum over sources, labels and codes, ordered twice; its gradients need more",
    "eq-lemma-2": "one sum over sources, labels and codes, ordered twice; its gradients need more",
    "eq-sleep-joint": "the chain rule of the KL, terms that are not negative",
    "eq-two-switches": "two bits, whatever the data and the prior",
    "eq-switches-rotation": "two bits, whatever the data and the prior",
    "eq-information": "Bayes' rule; a JSD is at most the entropy of the label",
    # chapters 11 to 14
    "eq-aae-pattern": "the half of the prior has no parameter",
    "eq-code-price": "the chain rule of the KL, terms that are not negative",
    "eq-laplace": "the logarithm of a density, for every b > 0",
    "eq-feature-reconstruction": "the logarithm of a unit Gaussian",
    "eq-ali-parts": "the chain rule of the KL, and what one part of a pair shows the pair shows as well",
    "lem-ali-misses": "one and the same last step on both sides, and Pinsker's inequality",
    "eq-ali-misses": "one and the same last step on both sides, and Pinsker's inequality",
    "eq-avb-ratio": "d(x) cancels wherever an example is; a ratio may be infinite",
    "eq-avb-kl": "the definition of the KL",
    "eq-bump": "a Gaussian integral, for every w > 0",
    "eq-mmd-blur": "features that are square integrable, and a bounded kernel",
    "eq-mmd-gaussians": "Gaussian integrals, for every w > 0",
    "eq-summaries": "a definition",
    "eq-abc": "Bayes' rule for what is accepted",
    "eq-accuracy": "whoever says real where d > g reaches the maximum",
    # chapters 15 to 18
    "eq-iwgan": "it states an update",
    "eq-best-labeller": "a sum over finitely many classes; a class without prior has no part in either side",
    "eq-svae": "it states a loss",
    "eq-told": "the information is at most log C, so both sides may be infinite, but only together",
    "eq-classifier-score": "finitely many classes have finite entropies",
    "lem-classifier-score": "finitely many classes have finite entropies",
    # chapter 19
    "eq-counts": "it counts the terms of three products",
    "eq-amdahl": "arithmetic of two shares",
    "eq-stacking-loses": "the difference of two sums",
    "eq-stochastic": "a coin with two sides",
    "lem-stochastic": "a coin with two sides",
    # chapter 20
    "eq-noised": "the law of a sum of independent variables, and Gaussians in it",
    "eq-four-names": "linear equations, for every α and σ that are not zero",
    "eq-four-errors": "linear equations, for every α and σ that are not zero",
    "eq-handed-back": "a linear differential equation, for every α and σ that are not zero",
    "eq-continuity": "given x_t all moments of x are finite, whatever its law",
    "eq-step": "a product of two Gaussians, as functions of x_s",
    "eq-diffusion-bound": "the chain rule of the KL, terms that are not negative",
    "eq-weights": "arithmetic of the linear path",
    "eq-score-difference": "under noise both densities are positive and smooth",
    "eq-vq": "it states a loss",
    "lem-vq": "Bayes' rule, for any code that is certain and has a probability",
    "eq-vq-bound": "Bayes' rule, for any code that is certain and has a probability",
}

AS = {
    "eq-wake-elbo": "eq-elbo",
    "eq-data-only": "eq-gap",
    "eq-as-vae-marginals": "eq-gap",
    "eq-cvae": "eq-gap",
    "lem-unlabelled": "lem-gap",
    "eq-unlabelled": "eq-gap",
}


def needs(labels, hypothesis):
    """Marks a test that shows the statements of these labels, "eq-one, lem-two", fail where the hypothesis is dropped."""
    return lambda test: test
