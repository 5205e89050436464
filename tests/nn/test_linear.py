"""Linear maps by oneDNN: the same numbers as PyTorch's own, whatever the processor."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sk_brainrvq.nn import linear as linear_module
from sk_brainrvq.nn.linear import FEWEST_ROWS, Linear, linear
from sk_brainrvq.nn.search import first_largest


@pytest.fixture(autouse=True)
def _on_any_processor(monkeypatch):
    """oneDNN's product whether this processor wants it or not."""
    torch.manual_seed(0)
    if not torch.backends.mkldnn.is_available():
        pytest.skip("PyTorch was built without oneDNN.")
    monkeypatch.setattr(linear_module, "_is_faster_here", lambda: True)


@pytest.mark.parametrize("shape", [(200, 30), (2, 150, 30), (1, 30), (3, 4, 5, 30)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear__any_shape__equals_float64(shape, bias):
    ours = Linear(30, 70, bias=bias)
    x = torch.randn(shape)
    b = ours.bias.double() if bias else None
    expected = F.linear(x.double(), ours.weight.double(), b)
    torch.testing.assert_close(ours(x).double(), expected, atol=1e-5, rtol=1e-5)
    with torch.inference_mode():
        torch.testing.assert_close(ours(x).double(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_linear__gradients__equal_those_of_float64(bias):
    ours, exact = Linear(30, 70, bias=bias), nn.Linear(30, 70, bias=bias).double()
    exact.load_state_dict(ours.state_dict())
    x = torch.randn(2, 150, 30, requires_grad=True)
    y = x.detach().double().requires_grad_()
    direction = torch.randn(2, 150, 70)
    (ours(x) * direction).sum().backward()
    (exact(y) * direction).sum().backward()
    torch.testing.assert_close(x.grad.double(), y.grad, atol=1e-4, rtol=1e-5)
    for one, other in zip(ours.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(one.grad.double(), other.grad, atol=1e-4, rtol=1e-5)


def test_linear__frozen_weight__only_the_input_gets_a_gradient():
    ours = Linear(30, 70).requires_grad_(False)
    x = torch.randn(200, 30, requires_grad=True)
    ours(x).sum().backward()
    torch.testing.assert_close(x.grad, ours.weight.sum(0).expand(200, -1), atol=1e-5, rtol=1e-5)
    assert ours.weight.grad is None
    assert not ours(x.detach()).requires_grad


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_linear__other_type__left_to_pytorch(dtype):
    x, weight = torch.randn(200, 30, dtype=dtype), torch.randn(70, 30, dtype=dtype)
    assert torch.equal(linear(x, weight), F.linear(x, weight))


def test_linear__autocast__result_in_its_type():
    ours = Linear(30, 70)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours(torch.randn(200, 30)).dtype == torch.bfloat16


def test_linear__state__is_that_of_nn_linear():
    assert Linear(3, 4).state_dict().keys() == nn.Linear(3, 4).state_dict().keys()


@pytest.mark.parametrize(("n_in", "n_out"), [(100, 400), (400, 100), (200, 800), (800, 200)])
def test_linear__more_rows__leave_a_row_as_it_was(n_in, n_out, monkeypatch):
    monkeypatch.undo()  # by the product that this processor gets: of oneDNN's not all keep rows
    torch.manual_seed(0)
    x, weight = torch.randn(3000, n_in), torch.randn(n_out, n_in)
    whole = linear(x, weight)
    for n_rows in (FEWEST_ROWS, FEWEST_ROWS + 1, 191, 256, 1000):
        assert torch.equal(linear(x[:n_rows], weight), whole[:n_rows])


@pytest.mark.parametrize("n_codes", [64, 128, 640, 37, 100])
def test_first_largest__ties__the_first_wins(n_codes):
    # Few values, so that most rows hold their largest several times.
    scores = torch.randint(0, 4, (300, n_codes)).float()
    expected = [row.index(max(row)) for row in scores.tolist()]
    assert first_largest(scores).tolist() == expected


@pytest.mark.parametrize("nudge", [0.0, 1e-4])
def test_rows__product_that_depends_on_their_number_or_not__noticed(monkeypatch, nudge):
    def row_by_row(x, weight):
        return torch.stack([weight @ row for row in x]) + nudge * len(x)

    monkeypatch.setattr(linear_module, "_product", row_by_row)
    assert linear_module._keeps_rows(80, 20) == (nudge == 0)
