"""What a variable of a batch is made of: the tensors by which two of them are compared, or reached by a gradient."""

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, OneHotCategorical

from ganvae_lib.distributions import Noiseless, Point, Product, Pushforward
from ganvae_lib.networks import Quantised


def tensors_of(value) -> list[Tensor]:
    """A tensor itself; of a distribution the parameters that it holds, of a pushed-forward one two of its samples."""
    match value:
        case Tensor():
            return [value]
        case Independent():
            return tensors_of(value.base_dist)
        case Noiseless():
            return tensors_of(value.base)
        case Product():
            return [tensor for part in value.parts for tensor in tensors_of(part)]
        case Quantised():
            return [value.said, value.entries, value.indices, value.value]
        case Point():
            return [value.value]
        case Pushforward():
            shape = (*value.batch_shape, value.noise)
            return [value.function(torch.full(shape, level)) for level in (-1.0, 1.0)]
        case Bernoulli() | OneHotCategorical():
            return [value.logits]
        case Distribution():
            found = [getattr(value, name) for name in value.arg_constraints if name in vars(value)]
            assert found, f"say in tests/laws/values.py what a {type(value).__name__} is made of"
            return found
    raise AssertionError(f"say in tests/laws/values.py what a {type(value).__name__} is made of")
