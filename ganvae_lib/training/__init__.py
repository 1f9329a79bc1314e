"""Training: ``fit``, what it returns, exact resume, many processes."""

from ..measure.history import History
from .batches import Batches
from .checkpoint import Checkpoint
from .fitting import fit
from .run import Run
from .settings import Settings
from .state import Training
