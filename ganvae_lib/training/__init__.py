"""Training: ``fit``, what it returns, exact resume, many processes."""

from .batches import Batches
from .checkpoint import Checkpoint, read, write
from .fitting import fit
from .parallel import first, leave, share, wait
from .rejection import Accepted, sample
from .run import History, Run

__all__ = [
    "Accepted",
    "Batches",
    "Checkpoint",
    "History",
    "Run",
    "first",
    "fit",
    "leave",
    "read",
    "sample",
    "share",
    "wait",
    "write",
]
