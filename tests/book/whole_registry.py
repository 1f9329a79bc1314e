"""The registry of the book as it is, read once for all tests."""

from helpers import ROOT
from registry import Registry

REGISTRY = Registry(ROOT)
