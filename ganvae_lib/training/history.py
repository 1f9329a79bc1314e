"""Learning curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ..errors import NonFiniteLoss

__all__ = ["History"]


class History(Mapping[str, Tensor]):
    """Learning curves: a loss by name, as a tensor [points, seeds]; each point is the mean since the last one.

    ``names`` are those of the losses, ``seeds`` those of the columns, ``steps`` the number of steps done at each point,
    and ``points`` the values, [names, seeds] each, float64.

    >>> history = History(seeds=[4, 9], names=["match x"])
    >>> history.append(2, torch.tensor([[[1.0, 3.0]], [[2.0, 5.0]]]))    # two steps, one loss, two seeds
    >>> history
    History(match x; 1 points, seeds [4, 9])
    >>> history["match x"]
    tensor([[1.5000, 4.0000]], dtype=torch.float64)
    """

    def __init__(self, seeds: Sequence[int], names: Sequence[str]):
        if not seeds or not names or isinstance(seeds, str | int) or isinstance(names, str | int):
            raise ValueError(f"a history needs lists of seeds and of names, one or more of each, got {seeds}, {names}.")
        self.seeds, self.names = list(seeds), list(names)
        self.steps: list[int] = []
        self.points: list[Tensor] = []

    def append(self, step: int, losses: Tensor) -> None:
        """Add the mean over the last steps, of losses [steps, names, *seeds].

        Raises NonFiniteLoss, saying where, if a value is NaN or infinite: then nothing is added.
        """
        losses = losses.detach().double().cpu().reshape(len(losses), len(self.names), len(self.seeds))
        if not losses.isfinite().all():
            row, name_index, seed_index = (~losses.isfinite()).nonzero()[0].tolist()  # the first bad value
            term, seed = self.names[name_index], self.seeds[seed_index]
            bad_step = step - len(losses) + row + 1  # the last row is of this step
            message = (
                f"the loss '{term}' is {losses[row, name_index, seed_index].item()} at step {bad_step}, seed {seed}; "
                "lower lr, choose another link, or look at the data."
            )
            raise NonFiniteLoss(message, term=term, step=bad_step, seed=seed)
        self.steps.append(step)
        self.points.append(losses.mean(0))

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.names:
            raise KeyError(f"no loss {name!r}; there are {', '.join(map(repr, self.names))}.")
        return torch.stack([point[self.names.index(name)] for point in self.points])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"History({', '.join(self.names)}; {len(self.steps)} points, seeds {self.seeds})"
