"""What a network may say about noisy data: each says the clean data, and its error is a multiple of theirs."""

import pytest
import torch

from ganvae_lib.distributions import PATHS
from ganvae_lib.distributions.paths import PREDICTIONS, as_prediction, clean, squared_error_weight

TIMES = torch.tensor([0.1, 0.3, 0.5, 0.9], dtype=torch.float64)[:, None]


@pytest.mark.parametrize("path", PATHS.values(), ids=list(PATHS))
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_error_of_a_prediction_is_that_of_the_clean_data_times_its_weight(path, prediction):
    x, other, noise = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z = path.at(x, noise, TIMES)
    said, said_of_other = (as_prediction(prediction, one, z, TIMES, path) for one in (x, other))
    torch.testing.assert_close(clean(prediction, said, z, TIMES, path), x)
    weight = squared_error_weight(prediction, TIMES, path)[:, 0]
    torch.testing.assert_close((said - said_of_other).square().sum(-1), weight * (x - other).square().sum(-1))
