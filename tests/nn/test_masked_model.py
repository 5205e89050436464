"""Pretraining network: losses in chunks, what a prediction may depend on, order of logits."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sk_brainrvq.nn import EEGEncoder, MaskedCodeModel
from sk_brainrvq.nn.heads import code_head
from sk_brainrvq.nn.heads.code_head import HierarchicalHead, linear_cross_entropy

B, C, P, Q, K = 2, 3, 4, 3, 16
ELECTRODES = torch.tensor([1, 40, 82])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    model = MaskedCodeModel(EEGEncoder(100, 2), K, Q).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture
def batch():
    """Patches, a mask with hidden and visible positions, codes."""
    mask = torch.rand(B, C, P) < 0.5
    mask[0, 0, :2] = torch.tensor([True, False])
    return torch.randn(B, C, P, 200), mask, torch.randint(K, (B, C, P, 2, Q))


def cross_entropy_of(logits, targets):
    return F.cross_entropy(logits.double(), targets)


@pytest.mark.parametrize("rows", [1, 7, 50, 1000])
def test_linear_cross_entropy__in_chunks__value_and_gradients_equal_full(rows, monkeypatch):
    monkeypatch.setattr(code_head, "_LOGIT_ELEMENTS", rows * K)
    head = nn.Linear(10, K)
    inputs = torch.randn(50, 10, requires_grad=True)
    codes, weights = torch.randint(K, (50,)), torch.rand(50)

    loss, n_correct = linear_cross_entropy(inputs, head, codes, weights)
    actual = torch.autograd.grad(loss, [inputs, *head.parameters()])

    logits = head(inputs)
    each = F.cross_entropy(logits, codes, reduction="none")
    full = (each * weights).sum()
    expected = torch.autograd.grad(full, [inputs, *head.parameters()])
    torch.testing.assert_close(loss, full, atol=1e-5, rtol=1e-5)
    for got, wanted in zip(actual, expected, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)
    assert n_correct == (logits.argmax(-1) == codes).sum()


def loss_from_logits(output, mask, codes):
    """The published sum over {masked, visible} x domains x levels."""
    total = 0.0
    for positions, logits in ((mask, output.masked_logits), (~mask, output.visible_logits)):
        for domain in range(2):
            for level in range(Q):
                targets = codes[..., domain, level][positions]
                total += 0.5**level * cross_entropy_of(logits[domain][level], targets).item()
    return total


@pytest.mark.parametrize("elements", [K, 5 * K, 2**24])
def test_loss__any_chunk_size__is_the_mean_cross_entropy_of_the_logits(
    model, batch, elements, monkeypatch
):
    monkeypatch.setattr(code_head, "_LOGIT_ELEMENTS", elements)
    x, mask, codes = batch
    output = model(x, ELECTRODES, mask, codes)
    assert output.loss.item() == pytest.approx(loss_from_logits(output, mask, codes), rel=1e-5)
    without = model(x, ELECTRODES, mask, codes, return_logits=False)
    assert without.loss.item() == pytest.approx(output.loss.item(), rel=1e-6)
    assert without.masked_logits is None
    assert without.visible_logits is None


def test_accuracy__of_the_logits__is_the_share_of_right_codes(model, batch):
    x, mask, codes = batch
    output = model(x, ELECTRODES, mask, codes)
    for domain in range(2):
        for level in range(Q):
            targets = codes[..., domain, level]
            right = (output.masked_logits[domain][level].argmax(-1) == targets[mask]).sum()
            right = (
                right + (output.visible_logits[domain][level].argmax(-1) == targets[~mask]).sum()
            )
            assert output.accuracy[domain, level] == pytest.approx(right.item() / (B * C * P))


@pytest.mark.parametrize("hidden", [True, False])
def test_loss__mask_all_one_value__is_finite_with_finite_gradients(model, batch, hidden):
    x, _, codes = batch
    mask = torch.full((B, C, P), hidden)
    output = model(x, ELECTRODES, mask, codes)
    output.loss.backward()
    assert output.loss.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    empty, full = (
        (output.visible_logits, output.masked_logits)
        if hidden
        else (output.masked_logits, output.visible_logits)
    )
    assert empty[0][0].shape == (0, K)
    assert full[1][2].shape == (B * C * P, K)


def test_loss__backward__reaches_every_parameter(model, batch):
    x, mask, codes = batch
    model(x, ELECTRODES, mask, codes, return_logits=False).loss.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_no_codes__greedy__no_loss_but_logits(model, batch):
    x, mask, _ = batch
    output = model(x, ELECTRODES, mask)
    assert output.loss is None
    assert output.accuracy is None
    assert [[len(level) for level in domain] for domain in output.masked_logits] == (
        [[int(mask.sum())] * Q] * 2
    )


def test_greedy__own_codes_fed_back_as_teacher__logits_equal(model, batch):
    x, mask, _ = batch
    greedy = model(x, ELECTRODES, mask)
    codes = torch.zeros(B, C, P, 2, Q, dtype=torch.int64)
    for domain in range(2):
        for level in range(Q):
            codes[..., domain, level][mask] = greedy.masked_logits[domain][level].argmax(-1)
    forced = model(x, ELECTRODES, mask, codes)
    for domain in range(2):
        for level in range(Q):
            torch.testing.assert_close(
                forced.masked_logits[domain][level], greedy.masked_logits[domain][level]
            )


@pytest.mark.parametrize("position", [(0, 0, 0), (0, 0, 1)], ids=["masked", "visible"])
def test_prediction__own_content_changed__stays_exactly_the_same(model, batch, position):
    # GroupNorm spreads a patch's content over its epoch: embed patches one by one instead.
    model.encoder.patch_embed = nn.Linear(200, 100)
    x, mask, _ = batch
    changed = x.clone()
    changed[position] = torch.randn(200)
    before = model.hidden_tokens(x, ELECTRODES, mask).unflatten(1, (C, P))
    after = model.hidden_tokens(changed, ELECTRODES, mask).unflatten(1, (C, P))

    epoch = position[0]
    moved = (after - before).abs().amax(-1) > 0
    hidden_together = mask[epoch] == mask[position]
    # Positions hidden with it never saw it; the others did; other epochs never do.
    assert not moved[epoch][hidden_together].any()
    assert moved[epoch][~hidden_together].all()
    assert not moved[1 - epoch].any()


def test_teacher_forcing__last_code_changed__no_logit_moves(model, batch):
    x, mask, codes = batch
    first = model(x, ELECTRODES, mask, codes)
    other = codes.clone()
    other[..., -1] = (codes[..., -1] + 1) % K
    second = model(x, ELECTRODES, mask, other)
    for one, two in zip(first.masked_logits, second.masked_logits, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_teacher_forcing__first_code_changed__only_finer_levels_move(model, batch):
    x, mask, codes = batch
    first = model(x, ELECTRODES, mask, codes)
    other = codes.clone()
    other[..., 0] = (codes[..., 0] + 1) % K
    second = model(x, ELECTRODES, mask, other)
    for one, two in zip(first.masked_logits, second.masked_logits, strict=True):
        assert torch.equal(one[0], two[0])
        assert not torch.allclose(one[1], two[1])
        assert not torch.allclose(one[2], two[2])


def test_logits__rows__stand_in_mask_order(model, batch):
    x, mask, codes = batch
    output = model(x, ELECTRODES, mask, codes)
    tokens = model.hidden_tokens(x, ELECTRODES, mask).unflatten(1, (C, P))
    for domain in range(2):
        head = model.domains[domain].heads[0]
        for positions, logits in ((mask, output.masked_logits), (~mask, output.visible_logits)):
            one_by_one = torch.stack([head(tokens[tuple(at)]) for at in positions.nonzero()])
            torch.testing.assert_close(logits[domain][0], one_by_one, atol=1e-5, rtol=1e-4)


def test_mask_inverted__logits__swap_places(model, batch):
    x, mask, codes = batch
    one, two = (model(x, ELECTRODES, m, codes) for m in (mask, ~mask))
    torch.testing.assert_close(one.masked_logits, two.visible_logits)
    torch.testing.assert_close(one.loss, two.loss)


def test_single_level__no_code_embedding__works(batch):
    x, mask, codes = batch
    model = MaskedCodeModel(EEGEncoder(100, 1), K, 1)
    output = model(x, ELECTRODES, mask, codes[..., :1])
    assert output.loss.isfinite()
    assert output.accuracy.shape == (2, 1)
    assert len(HierarchicalHead(100, K, 1).code_embed) == 0


def test_level_weights__given__scale_their_level(batch):
    x, mask, codes = batch
    encoder = EEGEncoder(100, 1)
    models = [
        MaskedCodeModel(encoder, K, Q, level_weights=w).eval() for w in ([1, 0, 0], [3, 0, 0])
    ]
    models[1].load_state_dict(models[0].state_dict())
    losses = [model(x, ELECTRODES, mask, codes).loss.item() for model in models]
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-5)


def test_spectrum_weight__loss__is_that_of_the_codes_and_the_error_of_log_spectra(batch):
    x, mask, codes = batch
    model = MaskedCodeModel(EEGEncoder(100, 1), K, Q, spectrum_weight=2.5).eval()
    output = model(x, ELECTRODES, mask, codes)
    passes = []
    for each in (mask, ~mask):
        patches = torch.where(each[..., None], model.mask_token, model.encoder.patch_embed(x))
        tokens = model.encoder.transform_tokens(patches, ELECTRODES)[:, 1:]
        passes.append(model.spectrum(tokens).detach().numpy().reshape(B, C, P, -1))
    centred = x.numpy() - x.numpy().mean(-1, keepdims=True)
    deviation = np.log1p(100 * centred.std(-1))[..., None] - 2.5
    amplitude = np.log1p(1000 * np.abs(np.fft.rfft(centred)) / 100) - 1.5
    spectra = np.concatenate([deviation, amplitude], -1)
    errors = [((predicted - spectra) ** 2).mean(-1) for predicted in passes]
    # A token is judged in both passes: where its patch was hidden, and where it was seen.
    expected = sum(error[at].mean() for error in errors for at in (mask.numpy(), ~mask.numpy()))
    hidden = np.where(mask.numpy(), *errors)
    model.set_spectrum_weight(0.0)
    of_codes = model(x, ELECTRODES, mask, codes)
    assert of_codes.spectrum_error is None
    assert float(output.loss - of_codes.loss) == pytest.approx(2.5 * expected, rel=1e-3)
    assert float(output.spectrum_error) == pytest.approx(hidden.mean(), rel=1e-4)


def test_summary_weight__loss__is_that_of_the_codes_and_of_summaries(batch):
    x, mask, codes = batch
    model = MaskedCodeModel(EEGEncoder(100, 1), K, Q, summary_weight=2.5).eval()
    crops = torch.cat([x, 2 * x.flip(3)])
    mask, codes = mask.repeat(2, 1, 1), codes.repeat(2, 1, 1, 1, 1)
    output = model(crops, ELECTRODES, mask, codes)
    tokens = []
    for each in (mask, ~mask):
        patches = torch.where(each[..., None], model.mask_token, model.encoder.patch_embed(crops))
        tokens.append(model.encoder.transform_tokens(patches, ELECTRODES)[:, 0])
    expected = float(model.summary(torch.cat(tokens), crops, ELECTRODES))
    model.set_summary_weight(0.0)
    of_codes = model(crops, ELECTRODES, mask, codes)
    assert of_codes.summary_loss is None
    assert float(output.loss - of_codes.loss) == pytest.approx(2.5 * expected, rel=1e-3)
    assert float(output.summary_loss) == pytest.approx(expected, rel=1e-4)


def test_level_weights__wrong_number__error_gives_both():
    with pytest.raises(ValueError, match="2 level_weights were given for 3 levels"):
        MaskedCodeModel(EEGEncoder(100, 1), K, Q, level_weights=[1, 0.5])


def test_mask__wrong_shape__error_gives_expected_shape(model):
    with pytest.raises(ValueError, match=r"mask has shape \(2, 12\); expected \(2, 3, 4\)"):
        model(torch.randn(B, C, P, 200), ELECTRODES, torch.ones(2, 12, dtype=torch.bool))


def test_x__wrong_shape__error_gives_expected_shape(model):
    with pytest.raises(ValueError, match=r"x has shape \(2, 3, 800\)"):
        model(torch.randn(B, C, 800), ELECTRODES, torch.ones(B, C, P, dtype=torch.bool))


def small_model(**params):
    torch.manual_seed(0)
    return MaskedCodeModel(EEGEncoder(100, 1), codebook_size=16, n_quantizers=3, **params).eval()


def small_batch():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, 4, 200, generator=generator)
    codes = torch.randint(16, (2, 3, 4, 2, 3), generator=generator)
    mask = torch.rand(2, 3, 4, generator=generator) < 0.5
    return x, torch.tensor([1, 2, 3]), mask, codes


def test_flat_heads__logits__do_not_depend_on_the_levels_before():
    x, electrodes, mask, codes = small_batch()
    model = small_model(hierarchical=False)
    forced, greedy = model(x, electrodes, mask, codes), model(x, electrodes, mask)
    for domain in range(2):
        for level in range(3):
            torch.testing.assert_close(
                forced.masked_logits[domain][level], greedy.masked_logits[domain][level]
            )
    assert not any("code_embed" in name for name in model.state_dict())


@pytest.mark.parametrize("domain", [0, 1])
def test_domain_weights__one_domain_alone__loss_is_its_cross_entropy(domain):
    x, electrodes, mask, codes = small_batch()
    weights = [0.0, 0.0]
    weights[domain] = 2.0
    output = small_model(domain_weights=weights)(x, electrodes, mask, codes)
    expected = sum(
        2 * 0.5**level * F.cross_entropy(logits[domain][level], codes[where][:, domain, level])
        for logits, where in ((output.masked_logits, mask), (output.visible_logits, ~mask))
        for level in range(3)
    )
    torch.testing.assert_close(output.loss, expected)


def test_domain_weights__not_two__are_refused():
    with pytest.raises(ValueError, match="3 domain_weights were given; expected two"):
        small_model(domain_weights=(1, 1, 1))
