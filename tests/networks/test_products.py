"""Large products go to oneDNN where it is the faster library; they are the same up to rounding, and so are gradients."""

import pytest
import torch
from helpers import same_run, short
from torch.nn import functional as F

from ganvae_lib import Data, Run, build, fit, nets, zoo
from ganvae_lib.distributions import products

torch_has_onednn = hasattr(torch.ops.mkldnn, "_linear_pointwise") and torch.backends.mkldnn.is_available()
pytestmark = pytest.mark.skipif(not torch_has_onednn, reason="this build of torch has no oneDNN")


def close(a, b, rtol=1e-5, atol=1e-5):
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def always(monkeypatch):
    """Every product in float32 is large, and oneDNN the faster library, on whatever processor."""
    monkeypatch.setattr(products, "multiplies_faster", lambda: True)
    monkeypatch.setattr(products, "LARGE", 0)
    monkeypatch.setattr(products, "ROWS", 0)


def gradients(function, x, weight, bias):
    """The value, its gradients, and those of the gradients' squares."""
    value = function(x, weight, bias)
    first = torch.autograd.grad(value.square().mean(), (x, weight, bias), create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), (x, weight, bias))
    return [value, *first, *second]


@pytest.mark.parametrize("rows", [(5,), (3, 5)])
@pytest.mark.parametrize("seeds", [(), (2,)])
def test_it_is_a_linear_layer_with_its_gradients_and_theirs(rows, seeds):
    x, weight, bias = (randn(*seeds, *shape).requires_grad_() for shape in ((*rows, 4), (6, 4), (6,)))
    each = lambda x, w, b: torch.stack([F.linear(*one) for one in zip(x, w, b, strict=True)])
    expected = gradients(each if seeds else F.linear, x, weight, bias)
    found = gradients(products.affine, x, weight, bias)
    for value, as_torch in zip(found, expected, strict=True):
        close(value, as_torch, rtol=1e-5, atol=1e-6)
    assert [g.stride() for g in found[1:4]] == [p.stride() for p in (x, weight, bias)], "no copy for fused Adam"


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own, in forward mode
def test_what_is_not_asked_for_is_not_computed():
    x, weight = randn(5, 4), randn(6, 4).requires_grad_()
    close(torch.autograd.grad(products.product(x, weight).sum(), weight)[0], x.sum(0).expand(6, 4))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        tangent = torch.autograd.forward_ad.unpack_dual(products.product(dual, weight)).tangent
    close(tangent, weight.sum(-1).expand(5, 6))


@pytest.mark.parametrize("seeds", [1, 3])
def test_layers_ask_for_it_by_size_and_a_stack_has_the_bits_of_each_alone(seeds, monkeypatch):
    asked = []
    watched = lambda *of, product=products.product: asked.append(of[1].shape[-2:].numel()) or product(*of)
    monkeypatch.setattr(products, "multiplies_faster", lambda: True)
    monkeypatch.setattr(products, "product", watched)
    alone = [nets.initialise(nets.mlp((512,), (256, 8), 5), seed) for seed in range(seeds)]
    stacked, x = nets.stack(alone), randn(seeds, 64, 512)
    found = stacked(x)
    assert asked == [512 * 256]  # of the first layer of three
    close(found, torch.stack([one(own) for one, own in zip(alone, x, strict=True)]), rtol=0, atol=0)
    asked.clear()
    stacked(x[:, :63])
    stacked.double()(x.double())
    with torch.autocast("cpu", torch.bfloat16):
        alone[0](x[0])
    torch.func.vmap(alone[0])(x)
    assert asked == []


def test_a_model_trains_alike_and_resumes_bit_for_bit(always, tmp_path, monkeypatch):
    data = Data(torch.rand(256, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    for objective in (zoo.VAE, zoo.WGAN_GP):  # the second with a gradient of a gradient
        model, how = build(objective, data, hidden=(16,), latent=3), dict(batch=64, seeds=2, log_every=1)
        run = short(model, data, 20, **how)
        half = short(model, data, 10, **how)
        half.save(tmp_path / zoo.name(objective))
        assert same_run(fit(Run.load(tmp_path / zoo.name(objective)), data, 10, progress=False), run)
        with monkeypatch.context() as patched:
            patched.setattr(products, "multiplies_faster", lambda: False)
            usual = short(model, data, 20, **how)
        apart = [(run.history[name] - usual.history[name]).abs().max().item() for name in run.history]
        assert max(apart) < 1e-4
