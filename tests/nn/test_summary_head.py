"""The class token's prediction of the summaries of a crop."""

import numpy as np
import pytest
import torch
import torch.distributed as dist
from process_tools import run_together, values_of

from sk_brainrvq.nn.heads.embedding_head import EmbeddingHead
from sk_brainrvq.nn.heads.summary_head import SummaryHead
from sk_brainrvq.nn.parallel import share_of, sharing

B, C, P, D, N = 6, 3, 4, 100, 1456
ELECTRODES = torch.tensor([5, 40, 80])


def make_head(n_crops=B, seconds=P):
    """A head, class tokens of both passes, and crops of different strength."""
    torch.manual_seed(0)
    strength = torch.rand(n_crops, 1, 1, 1) + 0.1
    x = torch.randn(n_crops, C, seconds, 200) * strength / 5
    return SummaryHead(D), torch.randn(2 * n_crops, D), x


def summaries_of(x):
    """Summaries as the head of fine-tuned classifiers has them."""
    return EmbeddingHead(D, 2, bands=True).summaries(x, ELECTRODES).double().numpy()


def expected_loss(head, tokens, x, variance):
    """The loss by its definition, in NumPy."""
    targets = summaries_of(x)
    targets = np.clip((targets - targets.mean(0)) / np.sqrt(variance + 1e-3), -6, 6)
    weight = head.linear.weight.detach().double().numpy()
    predicted = (tokens.double().numpy() @ weight.T).reshape(2, len(x), N)
    predicted -= predicted.mean(1, keepdims=True)
    errors = (predicted - targets) ** 2
    seconds = x.shape[2]
    return seconds / (seconds + 3) * (errors[..., :506].mean() + errors[..., 506:].mean()) / 2


def test_loss__after_training_batches__is_the_error_of_standardised_deviations():
    head, tokens, x = make_head()
    batches = [x, x.flip(3) * torch.linspace(0.5, 2, B).reshape(B, 1, 1, 1), x * 1.1]
    variances = [summaries_of(batch).var(0, ddof=1) for batch in batches]
    for number, batch in enumerate(batches, start=1):
        loss = head(tokens, batch, ELECTRODES)
        # The first batches are averaged alike.
        variance = np.mean(variances[:number], 0)
        np.testing.assert_allclose(head.variance, variance, rtol=1e-3, atol=1e-6)
        assert loss.item() == pytest.approx(expected_loss(head, tokens, batch, variance), rel=1e-4)
    head.eval()
    again = head(tokens, 2 * x, ELECTRODES)
    np.testing.assert_allclose(head.variance, variance, rtol=1e-3, atol=1e-6)
    assert again.item() == pytest.approx(expected_loss(head, tokens, 2 * x, variance), rel=1e-4)


def test_loss__crops_far_from_all_before__deviations_are_limited():
    head, tokens, x = make_head()
    head(tokens, x, ELECTRODES)
    head.eval()
    spread = x * torch.logspace(-2, 2, B).reshape(B, 1, 1, 1)
    deviations = summaries_of(spread) - summaries_of(spread).mean(0)
    variance = head.variance.double().numpy()
    assert np.abs(deviations / np.sqrt(variance + 1e-3)).max() > 6  # the limit
    loss = head(tokens, spread, ELECTRODES)
    assert loss.item() == pytest.approx(expected_loss(head, tokens, spread, variance), rel=1e-4)


def test_variance__after_many_batches__forgets_the_first():
    head, tokens, x = make_head()
    spread = x * torch.logspace(0, 2, B).reshape(B, 1, 1, 1)
    head(tokens, spread, ELECTRODES)
    for _ in range(400):
        head(tokens, x, ELECTRODES)
    np.testing.assert_allclose(head.variance, summaries_of(x).var(0, ddof=1), rtol=0.05, atol=1e-3)


def test_loss__offsets_that_all_crops_share__change_nothing():
    head, tokens, x = make_head()
    before = head(tokens, x, ELECTRODES)
    with torch.no_grad():
        head.linear.bias += torch.randn(N)
    after = head(tokens + torch.randn(D), x, ELECTRODES)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-6)


def test_gradient__of_the_class_tokens__is_that_of_autograd_with_the_mean_in_it():
    head, tokens, x = make_head()
    tokens.requires_grad_()
    head(tokens, x, ELECTRODES).backward()
    found = tokens.grad.clone()
    tokens.grad = None
    targets = torch.from_numpy(summaries_of(x))
    targets = targets - targets.mean(0)
    targets = (targets / (head.variance.double() + 1e-3).sqrt()).clamp(-6, 6)
    predicted = head.linear(tokens).double().unflatten(0, (2, B))
    errors = (predicted - predicted.mean(1, keepdim=True) - targets).square()
    loss = P / (P + 3) * (errors[..., :506].mean() + errors[..., 506:].mean()) / 2
    loss.backward()
    torch.testing.assert_close(found, tokens.grad, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize(("n_crops", "seconds"), [(2, 4), (6, 1)])
def test_loss__too_few_crops_or_seconds__is_zero_with_zero_gradients(n_crops, seconds):
    head, tokens, x = make_head(n_crops, seconds)
    loss = head(tokens.requires_grad_(), x, ELECTRODES)
    loss.backward()
    assert float(loss.detach()) == 0
    for each in (tokens, head.linear.weight, head.linear.bias):
        assert not each.grad.any()
    assert int(head.n_batches) == 0


def one_pass(rank):
    """Gradients and running variance of one of two processes."""
    dist.init_process_group("gloo")
    head, tokens, x = make_head()
    share = share_of(B, rank, 2)
    rows = slice(share.first, share.first + share.n_rows)
    with sharing(share):
        loss = head(tokens.unflatten(0, (2, B))[:, rows].flatten(0, 1), x[rows], ELECTRODES)
        (loss * share.fraction).backward()
    for parameter in head.parameters():
        dist.all_reduce(parameter.grad)
    return head.linear.weight.grad.numpy(), head.variance.numpy()


def test_loss__two_processes__has_the_gradients_and_variances_of_one():
    results = values_of(run_together(2, one_pass))
    head, tokens, x = make_head()
    head(tokens, x, ELECTRODES).backward()
    for gradient, variance in results:
        np.testing.assert_allclose(gradient, head.linear.weight.grad, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(variance, head.variance, rtol=1e-4, atol=1e-7)
