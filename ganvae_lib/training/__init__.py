"""Training: ``fit``, what it returns, exact resume, many processes."""

from .batches import Batches
from .checkpoint import Checkpoint, read, write
from .fitting import fit
from .history import History
from .parallel import first, leave, share, wait
from .rejection import Accepted, sample
from .run import Run
from .settings import Settings
from .state import Training

__all__ = [
    "Accepted",
    "Batches",
    "Checkpoint",
    "History",
    "Run",
    "Settings",
    "Training",
    "first",
    "fit",
    "leave",
    "read",
    "sample",
    "share",
    "wait",
    "write",
]
