"""One batch shared out over processes."""

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from process_tools import run_together, values_of

from sk_brainrvq.nn import DualDomainTokenizer
from sk_brainrvq.nn.latents import LatentNorm
from sk_brainrvq.nn.parallel import (
    Share,
    held_twice,
    n_in_all,
    random_integers,
    rows_of_all,
    share_of,
    shared_by_vectors,
    sharing,
    total,
    total_with_gradient,
    uniform,
)
from sk_brainrvq.training.processes import Processes

N_ROWS, DIM = 7, 4


def whole_batch():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(N_ROWS, 2, 3, DIM, generator=generator, dtype=torch.float64)
    weight = torch.randn(N_ROWS, 2, 3, DIM, generator=generator, dtype=torch.float64)
    return x, weight


def part_of(share, tensor):
    return tensor[share.first : share.first + share.n_rows]


# Without a share


def test_draws__without_a_share__are_torchs_own():
    def draws(random, integers):
        torch.manual_seed(5)
        return random(), integers()

    with torch.random.fork_rng(devices=[]):
        ours = draws(
            lambda: uniform(3, 2, device="cpu"), lambda: random_integers(1, 9, 6, device="cpu")
        )
        theirs = draws(lambda: torch.rand(3, 2), lambda: torch.randint(1, 9, (6,)))
    assert all(map(torch.equal, ours, theirs))
    generators = [torch.Generator().manual_seed(2) for _ in range(2)]
    one = uniform(4, device="cpu", generator=generators[0])
    assert torch.equal(one, torch.rand(4, generator=generators[1]))


def test_sums_and_rows__without_a_share__are_the_local_ones():
    values = torch.arange(12.0).reshape(4, 3).requires_grad_()
    assert total(values) is values
    assert total_with_gradient(values) is values
    assert torch.equal(rows_of_all(values, torch.tensor([2, 0, 2])), values[[2, 0, 2]])
    assert n_in_all(4) == 4
    assert held_twice() is shared_by_vectors((4, 3)) is None


@pytest.mark.parametrize(("n_rows", "n_processes"), [(5, 2), (6, 3), (7, 4), (4, 4), (100, 7)])
def test_share_of__any_batch__partitions_it_nearly_evenly(n_rows, n_processes):
    shares = [share_of(n_rows, rank, n_processes) for rank in range(n_processes)]
    rows = [np.arange(share.first, share.first + share.n_rows) for share in shares]
    np.testing.assert_array_equal(np.concatenate(rows), np.arange(n_rows))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1
    assert sum(share.fraction for share in shares) == pytest.approx(1)


def test_share_of__one_process_or_too_few_rows__is_none():
    assert share_of(5, 0, 1) is None
    assert share_of(2, 0, 3) is None


def test_sharing__left_by_an_error__is_over():
    with pytest.raises(RuntimeError, match="multiply up"), sharing(Share(0, 1, 2)):
        Share(0, 1, 2).own(torch.zeros(3))  # three rows, where all have two
    assert n_in_all(1) == 1


@pytest.mark.parametrize("copies", [1, 2])
def test_draws__with_shares__are_the_rows_of_the_whole_draw(copies):
    torch.manual_seed(1)
    drawn = torch.rand(copies * N_ROWS, 3).unflatten(0, (copies, N_ROWS))
    parts = []
    for rank in range(3):
        share = share_of(N_ROWS, rank, 3)
        torch.manual_seed(1)
        with sharing(Share(share.first, share.n_rows, N_ROWS, copies)):
            # As many rows as this process has, twice over where the batch is.
            part = uniform(copies * share.n_rows, 3, device="cpu")
        parts.append(part.unflatten(0, (copies, share.n_rows)))
    assert torch.equal(torch.cat(parts, 1), drawn)


# LatentNorm alone


def test_latent_norm__one_process__is_batch_norm_and_averages_plainly_at_first():
    torch.manual_seed(0)
    ours, theirs = LatentNorm(DIM), torch.nn.BatchNorm1d(DIM, affine=False, momentum=None)
    for _ in range(4):
        x = torch.randn(6, 2, DIM) * 3 + 1
        torch.testing.assert_close(ours(x).flatten(0, 1), theirs(x.flatten(0, 1)))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    assert int(ours.num_batches_tracked) == 4
    torch.testing.assert_close(ours.eval()(x).flatten(0, 1), theirs.eval()(x.flatten(0, 1)))


# In two processes


def measure(rank):
    """What a process of two gets, as arrays."""
    dist.init_process_group("gloo")
    x, weight = whole_batch()
    share = share_of(N_ROWS, rank, 2)
    own, own_weight = part_of(share, x).requires_grad_(), part_of(share, weight)
    index = torch.tensor([6, 0, 3, 3, 5])
    found = {}
    with sharing(share):
        found["total"] = total(own.detach().sum(0))
        found["rows"] = rows_of_all(own.detach(), index)
        found["n"] = torch.tensor(n_in_all(len(own)))
        # Not linear in the total, so that gradients have to pass through both processes.
        mean = total_with_gradient(own.sum(0)) / N_ROWS
        ((own - mean).square() * own_weight).sum().backward()
        found["gradient"] = own.grad
        norm, latents = LatentNorm(DIM), own.detach().float().requires_grad_()
        normal = norm(latents)
        (normal * own_weight.float()).sum().backward()
    found |= {"normal": normal, "normal_gradient": latents.grad}
    found |= {"mean": norm.running_mean, "variance": norm.running_var}
    processes = Processes(rank, 2)
    found["gathered"] = torch.tensor(processes.gather(rank + 5))
    found["agreed"] = torch.tensor(processes.agree(rank + 5))
    found["summed"] = processes.total(torch.tensor(rank + 5))
    return {name: value.detach().numpy() for name, value in found.items()}


@pytest.fixture(scope="module")
def of_two():
    return values_of(run_together(2, measure))


def test_processes__two__exchange_values(of_two):
    for found in of_two:
        assert found["gathered"].tolist() == [5, 6]
        assert (found["agreed"], found["summed"]) == (5, 11)


def joined(of_two, name):
    return torch.from_numpy(np.concatenate([found[name] for found in of_two]))


def test_total_and_rows__two_processes__are_those_of_the_whole_batch(of_two):
    x, _ = whole_batch()
    for found in of_two:
        torch.testing.assert_close(torch.from_numpy(found["total"]), x.sum(0))
        np.testing.assert_array_equal(found["rows"], x[[6, 0, 3, 3, 5]].numpy())
        assert found["n"] == N_ROWS


def test_total_with_gradient__two_processes__has_autograds_gradient(of_two):
    x, weight = whole_batch()
    x.requires_grad_()
    ((x - x.mean(0)).square() * weight).sum().backward()
    torch.testing.assert_close(joined(of_two, "gradient"), x.grad)


def test_latent_norm__two_processes__is_batch_norm_of_the_whole_batch(of_two):
    x, weight = whole_batch()
    x = x.float().requires_grad_()
    mean, variance = torch.zeros(DIM), torch.ones(DIM)
    normal = F.batch_norm(x.flatten(0, -2), mean, variance, training=True, momentum=1.0)
    (normal.reshape(x.shape) * weight.float()).sum().backward()
    torch.testing.assert_close(joined(of_two, "normal"), normal.detach().reshape(x.shape))
    torch.testing.assert_close(joined(of_two, "normal_gradient"), x.grad, atol=1e-5, rtol=1e-4)
    for found in of_two:
        torch.testing.assert_close(torch.from_numpy(found["mean"]), mean)
        torch.testing.assert_close(torch.from_numpy(found["variance"]), variance)


def make_tokenizer():
    torch.manual_seed(0)
    return DualDomainTokenizer(100, 1, 1, codebook_size=8, codebook_dim=8)


def signals():
    return torch.randn(5, 2, 3, 200, generator=torch.Generator().manual_seed(1)) / 4


def one_training_pass(rank):
    """Gradients of the mean loss over processes, and codebooks after k-means and revival."""
    dist.init_process_group("gloo")
    module = make_tokenizer().train()
    share = share_of(5, rank, 2)
    torch.manual_seed(9)
    with sharing(share):
        loss = module(part_of(share, signals()), torch.tensor([1, 2])).loss
        (loss * share.fraction).backward()
    for parameter in module.parameters():
        dist.all_reduce(parameter.grad)
    gradients = {name: value.grad.numpy() for name, value in module.named_parameters()}
    return gradients, {name: value.numpy() for name, value in module.named_buffers()}


def test_tokenizer__two_processes__has_the_gradients_and_codebooks_of_one():
    (gradients, buffers), (_, others) = values_of(run_together(2, one_training_pass))
    module = make_tokenizer().train()
    torch.manual_seed(9)
    module(signals(), torch.tensor([1, 2])).loss.backward()
    for name, buffer in module.named_buffers():
        np.testing.assert_array_equal(buffers[name], others[name])
        np.testing.assert_allclose(buffers[name], buffer, atol=1e-5, err_msg=name)
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(
            gradients[name], parameter.grad, atol=1e-5, rtol=1e-3, err_msg=name
        )
