"""One process of several, without starting any: what it asks of the others, and what it does alone."""

import pytest
import torch
import torch.distributed as dist

from ganvae_lib.distributions import Share
from ganvae_lib.training import batches as parallel

CPU = torch.device("cpu")


@pytest.fixture
def together(monkeypatch):
    """The second of three processes; what it sends to the others is kept."""
    sent = []
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setattr(dist, "is_initialized", lambda: bool(sent))
    monkeypatch.setattr(dist, "init_process_group", lambda backend: sent.append(backend))
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    monkeypatch.setattr(dist, "get_world_size", lambda: 3)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: sent.append("left"))
    monkeypatch.setattr(dist, "all_reduce", lambda tensor: sent.append(tensor.clone()) or tensor.mul_(3))
    return sent


def test_alone_there_is_one_share_and_nobody_to_wait_for(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(dist, "all_reduce", lambda tensor: pytest.fail("asked somebody"))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: pytest.fail("left somebody"))
    assert parallel.join_processes(CPU) == Share(0, 1) and parallel.is_first_process()
    parallel.wait_for_all_processes(CPU)
    parallel.leave_processes()
    for name in ("RANK", "WORLD_SIZE"):  # one alone is not torchrun
        monkeypatch.setenv(name, "1")
        assert parallel.join_processes(CPU) == Share()
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda", "nccl")])
def test_processes_find_each_other_once(together, device, backend):
    for _ in range(2):
        assert parallel.join_processes(torch.device(device)) == Share(1, 3)
    assert together == [backend] and not parallel.is_first_process()


def test_the_first_is_number_zero(monkeypatch):
    for rank, first in (("0", True), ("1", False), ("10", False)):
        monkeypatch.setenv("RANK", rank)
        assert parallel.is_first_process() == first


def test_waiting_is_a_sum_over_all(together):
    parallel.join_processes(CPU)
    parallel.wait_for_all_processes(CPU)
    assert len(together) == 2 and together[1].numel() == 1
    parallel.leave_processes()
    assert together[-1] == "left"


def test_a_share_averages_tensors_in_one_message(together):
    tensors = [torch.arange(6.0).reshape(2, 3), torch.tensor(5.0)]
    averaged = Share(1, 3).mean(tensors)  # the others send the same, so the mean is that
    assert len(together) == 1 and together[0].shape == (7,)
    for found, expected in zip(averaged, tensors, strict=True):
        assert found.shape == expected.shape
        torch.testing.assert_close(found, expected)
    assert Share().mean(tensors) is tensors


def test_a_share_of_rows():
    x = torch.arange(24).reshape(2, 12)
    assert torch.equal(Share(1, 3).rows(x, 1), x[:, 4:8]) and torch.equal(Share(1, 3).rows(x, -1), x[:, 4:8])
    assert torch.equal(Share(2, 3).rows(x, 1, tiles=2), x[:, [4, 5, 10, 11]])  # rows 4, 5 of each half
    assert Share().rows(x, 1) is x


def test_the_logsumexp_of_all_is_that_of_the_parts(together):
    """The others contribute their own rows; here all have zeros but for ours, three times over."""
    logits = torch.tensor([[0.0, 1.0], [2.0, 3.0]], requires_grad=True)
    found = Share(1, 3).logsumexp(logits)
    sent = together[0]
    assert sent.shape == (3, 2, 1) and not found.requires_grad
    torch.testing.assert_close(sent[1], logits.detach().logsumexp(-1, keepdim=True))
    assert sent[0].eq(0).all() and sent[2].eq(0).all()
    torch.testing.assert_close(found, (3 * sent).logsumexp(0))


def test_a_batch_must_be_shared_out_evenly():
    from ganvae_lib import zoo

    Share(0, 1).check(zoo.GMMN, 7)  # one process may do anything
    Share(1, 2).check(zoo.VAE, 8)
    with pytest.raises(ValueError, match="a batch of 7 cannot be shared by 2 processes; make it a multiple"):
        Share(1, 2).check(zoo.VAE, 7)
    with pytest.raises(ValueError, match="compares whole minibatches"):
        Share(1, 2).check(zoo.GMMN, 8)
