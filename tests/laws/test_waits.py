"""Between two points of the history nothing asks a device for a number: on a GPU the host would stand still for it.

There is no GPU here, so what would wait is counted where it is asked for: the operations that hand a number to Python or
whose shape depends on values, and the methods that copy a tensor to the host.
"""

import pytest
import torch
from cases import AUTOREGRESSIVE, CASES, COMPOSED, ON_IMAGES, every, made
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ganvae_lib.training import Settings, Training
from ganvae_lib.training.settings import without_argument_checks

WAITING_OPS = {
    *("_local_scalar_dense", "nonzero", "masked_select", "unique_dim", "_unique2", "equal", "is_nonzero"),
    *("_linalg_check_errors", "bincount", "repeat_interleave"),
}
WAITING_METHODS = {"tolist", "numpy", "__array__", "cpu", "item", "__bool__", "__int__", "__float__", "__index__"}


class Waits(TorchDispatchMode):
    """The operations that would wait, by name, of what is called within."""

    def __init__(self):
        super().__init__()
        self.found, self.only_here = [], False

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        name = op.overloadpacket._qualified_op_name.partition("::")[2]
        by_mask = name in ("index", "index_put", "index_put_") and any(
            i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        )
        of_generators = name == "equal" and args[0].dtype == torch.uint8  # their states lie on the host
        if (by_mask or name in WAITING_OPS) and not (self.only_here or of_generators):
            self.found.append(name)
        return op(*args, **(kwargs or {}))


class Handed(TorchFunctionMode):
    """The methods that would wait, by name."""

    def __init__(self, operations):
        super().__init__()
        self.found, self.operations = [], operations

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in WAITING_METHODS:
            self.found.append(name)
        self.operations.only_here = name == "one_hot" and len(args) > 1  # torch looks at the classes on the CPU only
        try:
            return function(*args, **(kwargs or {}))
        finally:
            self.operations.only_here = False


def waits(training, steps):
    """What these steps would wait for."""
    operations = Waits()
    methods = Handed(operations)
    with without_argument_checks(), methods, operations:
        for _ in range(steps):
            training.step()
    return operations.found + methods.found


def begun(case, log_every):
    """A training of two seeds, after its first step, which may look at what it has not seen before."""
    model, data = made(case)
    settings = Settings(
        model.objective, steps=50, seeds=2, batch=8, device="cpu", log_every=log_every, ema=0.9, clip=1.0
    )
    training = Training(model, data, settings)
    training.step()
    return training


@every(CASES | COMPOSED | AUTOREGRESSIVE)
def test_no_step_waits(case):
    assert waits(begun(case, log_every=50), 3) == []


@every({name: ON_IMAGES[name] for name in ("VAE", "GAN", "WGAN-GP", "diffusion") if name in ON_IMAGES})
def test_no_step_waits_on_images(case):
    assert waits(begun(case, log_every=50), 3) == []


def test_a_point_of_the_history_waits_once_for_all_losses():
    training = begun(CASES["ALI"], log_every=3)
    assert waits(training, 1) == []
    found = waits(training, 1)
    assert 0 < len(found) <= 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.sum().item(),
        lambda x: bool((x > 0).all()),
        lambda x: x[x > 0],
        lambda x: x.tolist(),
        lambda x: x.detach().numpy(),
        lambda x: torch.nonzero(x),
        lambda x: torch.equal(x, x),
        lambda x: float(x.sum()),
        lambda x: one_hot(x.long()),  # how many classes there are, only the numbers know
    ],
)
def test_what_waits_is_seen(ask):
    """The counters see each way of waiting that they are there for."""
    operations = Waits()
    methods = Handed(operations)
    with methods, operations:
        ask(torch.ones(3))
    assert operations.found + methods.found
