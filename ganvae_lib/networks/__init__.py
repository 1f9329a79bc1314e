"""Networks that return distributions; each can carry a seeds axis."""

from .autoregressive import CharRNN, MaskedConv2d, PixelCNN, PixelRNN, ngram
from .codes import CODES, Encoder, ImplicitEncoder, Kind, Prior, StandardNormal, features_of
from .densities import DENSITIES, GaussianDensity
from .heads import Classifier, Conditional, Decoder, Discriminator, Features, Predictor, widened
from .layers import Conv2d, ConvTranspose2d, GroupNorm, Linear, initialise, stack, unstack
from .observations import (
    OBSERVATIONS,
    BernoulliPixels,
    ContinuousBernoulliPixels,
    Gaussian,
    LaplacePixels,
    Observation,
    PointPixels,
)
from .trunks import Flatten, conv_down, conv_same, conv_up, mlp

__all__ = [
    "BernoulliPixels",
    "CODES",
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
    "StandardNormal",
    "conv_down",
    "conv_same",
    "conv_up",
    "features_of",
    "initialise",
    "mlp",
    "ngram",
    "stack",
    "unstack",
    "widened",
]
