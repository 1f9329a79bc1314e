"""Networks that return distributions; each can carry a seeds axis."""

from .autoregressive import CharRNN, GatedLayer, MaskedConv2d, PixelCNN, PixelRNN, above, before, gru, ngram
from .chain import Autoregressive, ChainRule
from .codes import CODES, Encoder, ImplicitEncoder, Kind, Prior, StandardNormal, features_of
from .densities import DENSITIES, GaussianDensity
from .heads import Classifier, Conditional, Decoder, Discriminator, Features, Predictor, widened
from .layers import STACKABLE, Conv2d, ConvTranspose2d, GroupNorm, Linear, grouped, initialise, stack, unstack
from .observations import (
    OBSERVATIONS,
    BernoulliPixels,
    ContinuousBernoulliPixels,
    Gaussian,
    LaplacePixels,
    Observation,
    PointPixels,
)
from .trunks import ACTIVATIONS, Flatten, Unflatten, check_image, conv_down, conv_same, conv_up, mlp

__all__ = [
    "ACTIVATIONS",
    "Autoregressive",
    "BernoulliPixels",
    "CODES",
    "ChainRule",
    "CharRNN",
    "Classifier",
    "ContinuousBernoulliPixels",
    "Conditional",
    "Conv2d",
    "ConvTranspose2d",
    "DENSITIES",
    "Decoder",
    "Discriminator",
    "Encoder",
    "Features",
    "Flatten",
    "GatedLayer",
    "Gaussian",
    "GaussianDensity",
    "GroupNorm",
    "ImplicitEncoder",
    "Kind",
    "LaplacePixels",
    "Linear",
    "MaskedConv2d",
    "OBSERVATIONS",
    "Observation",
    "PixelCNN",
    "PixelRNN",
    "PointPixels",
    "Predictor",
    "Prior",
    "STACKABLE",
    "StandardNormal",
    "Unflatten",
    "above",
    "before",
    "check_image",
    "conv_down",
    "conv_same",
    "conv_up",
    "features_of",
    "grouped",
    "gru",
    "initialise",
    "mlp",
    "ngram",
    "stack",
    "unstack",
    "widened",
]
