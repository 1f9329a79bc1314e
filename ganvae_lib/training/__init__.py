"""Training: ``fit``, what it returns, exact resume, many processes."""

from .batches import Batches
from .checkpoint import Checkpoint
from .fitting import fit
from .history import History
from .run import Run
from .settings import Settings
from .state import Training
