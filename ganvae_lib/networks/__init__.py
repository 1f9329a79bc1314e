"""Networks that return distributions; each can carry a seeds axis."""

from .autoregressive import DENSITIES, CharRNN, MaskedConv2d, PixelCNN, PixelRNN, ngram
from .codes import CODES, Encoder, ImplicitEncoder, Kind, Prior, StandardNormal, features_of
from .densities import GaussianDensity
from .fresh import initialise, pretrained
from .heads import Classifier, Conditional, Decoder, Discriminator, Features, Predictor, widened
from .observations import (
    OBSERVATIONS,
    BernoulliPixels,
    Columns,
    ContinuousBernoulliPixels,
    Gaussian,
    LaplacePixels,
    Observation,
    OneHot,
    PointPixels,
    observation_of,
)
from .stacking import Copies, stack, unstack
from .trunks import Conv2d, ConvTranspose2d, Flatten, GroupNorm, LayerNorm, Linear, conv_down, conv_same, conv_up, mlp

__all__ = [
    "BernoulliPixels",
    "CODES",
    "CharRNN",
    "Classifier",
    "Columns",
    "ContinuousBernoulliPixels",
    "Conditional",
    "Conv2d",
    "ConvTranspose2d",
    "Copies",
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
    "LayerNorm",
    "Linear",
    "MaskedConv2d",
    "OBSERVATIONS",
    "Observation",
    "OneHot",
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
    "observation_of",
    "pretrained",
    "stack",
    "unstack",
    "widened",
]
