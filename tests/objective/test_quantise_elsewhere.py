"""The same numbers as a published layer of vector quantisation, where it is installed: one codebook, the same inputs."""

import pytest
import torch
from helpers import points

from ganvae_lib import Batch, Likelihood, Match, Noise, Quantise, Reconstruct, build

LATENT = 4
close = dict(rtol=1e-6, atol=1e-6)
COMMITMENTS = (0.25, 1.7)


def ours(entries, parts, commitment):
    """A model and its batch; the entries lie near to codes of its examples, so that most of them are in use."""
    term = Quantise(entries, parts, commitment)
    objective = Reconstruct("x") + term + Match("code", Likelihood())
    model = build(objective, points(), hidden=(16,), latent=LATENT).copies(0)
    x, book = points().x[:200], model.encoder.codebook.entries
    with torch.no_grad():
        near = model.encoder(x).said.reshape(-1, LATENT // parts)
        book.mul_(0.1).add_(near[:: len(near) // entries][:entries])
    batch = Batch(model, x, Noise(0))
    assert len(batch.q_z_given_x.indices.unique()) > entries // 2
    return model, batch, term


def theirs(library, model, parts, **choices):
    """Their layer on our codebook: gradients straight through, and entries that are learned or stand still."""
    book = model.encoder.codebook.entries.detach()
    size, width = book.shape
    layer = library.VectorQuantize(
        LATENT, size, codebook_dim=width, heads=parts, rotation_trick=False, ema_update=False, **choices
    )
    assert layer._codebook.embed.shape == (1, size, width) and not layer.has_projections
    layer._codebook.embed.data.copy_(book)
    return layer


@pytest.mark.parametrize("entries, parts", [(16, 1), (7, 2), (5, 4)])
@pytest.mark.parametrize("commitment", COMMITMENTS)
def test_codes_gradients_and_losses_are_those_of_vector_quantize_pytorch(entries, parts, commitment):
    """Their loss is a mean over the dimensions of a code, and one weight is for both terms, or for the commitment."""
    library = pytest.importorskip("vector_quantize_pytorch")
    model, batch, term = ours(entries, parts, commitment)
    q, book = batch.q_z_given_x, model.encoder.codebook.entries
    said = q.said.detach().requires_grad_()

    learned = theirs(library, model, parts, learnable_codebook=True, commitment_weight=1.0)
    frozen = theirs(library, model, parts, learnable_codebook=False, commitment_weight=commitment)
    for layer in (learned, frozen):
        z, indices, _ = layer(said)
        assert torch.equal(indices.reshape(q.indices.shape), q.indices)
        torch.testing.assert_close(z, q.entries, **close)
        torch.testing.assert_close(z, batch.z_from_x, **close)
        through_theirs, through_ours = (
            torch.autograd.grad(-model.decoder(code).log_prob(batch.x).sum(), e)[0]
            for code, e in ((z, said), (batch.z_from_x, q.said))
        )
        torch.testing.assert_close(through_theirs, through_ours, **close)
        assert through_ours.abs().max() > 0.1

    to_entries, to_said = torch.autograd.grad(term.loss(batch), (book, q.said), retain_graph=True)
    codebook_loss, commitment_loss = (LATENT * layer(said)[2] for layer in (learned, frozen))
    torch.testing.assert_close(term.loss(batch), codebook_loss + commitment_loss, **close)
    (pulled,) = torch.autograd.grad(codebook_loss, learned._codebook.embed)
    (drawn,) = torch.autograd.grad(commitment_loss, said)
    n = len(batch.x)  # of each example, not of their average
    torch.testing.assert_close(n * pulled[0], n * to_entries, **close)
    torch.testing.assert_close(n * drawn, n * to_said, **close)
    assert min(n * to_entries.abs().max(), n * to_said.abs().max()) > 0.05
