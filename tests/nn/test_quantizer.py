"""Residual vector quantizer: learning, modes, gradients, bad input."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sk_brainrvq.nn import ResidualVectorQuantizer

MODES = ("residual", "official")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def structured_vectors(n, centres):
    """Twelve coarse directions, around each twelve fine ones, and a little noise."""
    coarse = centres[torch.randint(12, (n,))]
    fine = 0.3 * centres[torch.randint(12, (n,))].flip(-1)
    return coarse + fine + 0.05 * torch.randn(n, centres.shape[1])


@pytest.fixture
def trained():
    """A quantizer after forty steps on structured vectors, and unseen vectors."""
    centres = torch.randn(12, 8)
    quantizer = ResidualVectorQuantizer(8, 16, 3, decay=0.9)
    for _ in range(40):
        quantizer(structured_vectors(512, centres))
    return quantizer.eval(), structured_vectors(4096, centres)


def used_quantizer(mode="residual", **settings):
    """A quantizer whose codebooks were initialised on random vectors."""
    quantizer = ResidualVectorQuantizer(8, 16, 3, mode=mode, **settings)
    quantizer(torch.randn(200, 8))
    return quantizer


def state_of(module):
    return copy.deepcopy(module.state_dict())


def changed_buffers(before, module):
    after = module.state_dict()
    return [name for name in before if not torch.equal(before[name], after[name])]


def test_residual_mode__more_levels__error_falls(trained):
    quantizer, unseen = trained
    unit = F.normalize(unseen, dim=-1)
    errors = [F.mse_loss(quantizer(unseen, n).quantized, unit).item() for n in (1, 2, 3)]
    assert errors[1] < 0.7 * errors[0]
    assert errors[2] < 0.9 * errors[1]


def test_residual_mode__after_training__usage_is_high(trained):
    quantizer, unseen = trained
    codes = quantizer(unseen).codes
    used = [len(codes[:, level].unique()) / 16 for level in range(3)]
    assert min(used) > 0.9


def test_residual_mode__each_level__codes_what_the_levels_before_left(trained):
    quantizer, unseen = trained
    codes = quantizer(unseen).codes.numpy()
    residual = F.normalize(unseen.double(), dim=-1).numpy()
    for level, codebook in enumerate(quantizer.levels):
        codewords = codebook.weight.double().numpy()
        distances = ((residual[:, None] - codewords) ** 2).sum(-1)
        chosen = distances[np.arange(len(codes)), codes[:, level]]
        np.testing.assert_allclose(chosen, distances.min(1), atol=1e-5)
        residual = residual - codewords[codes[:, level]]


def test_residual_mode__forgotten_code__is_revived_on_a_vector_of_the_batch():
    quantizer = used_quantizer()
    level = quantizer.levels[0]
    level.weight[3], level.sums[3], level.counts[3] = 100.0, 5.0, 0.05
    batch = torch.randn(64, 8)
    quantizer(batch)
    distances = (F.normalize(batch, dim=-1) - level.weight[3]).norm(dim=-1)
    assert distances.min() < 1e-6
    # It starts with an ordinary count, and its sums agree with weight and count.
    others = level.counts[torch.arange(16) != 3]
    assert others.min() <= level.counts[3] <= others.max()
    torch.testing.assert_close(level.sums[3], level.weight[3] * level.counts[3])


def test_residual_mode__revival_off__forgotten_code_stays_away():
    quantizer = used_quantizer(revival_threshold=0.0)
    level = quantizer.levels[0]
    level.weight[3], level.sums[3], level.counts[3] = 100.0, 5.0, 0.05
    quantizer(torch.randn(64, 8))
    assert level.weight[3].norm() > 10


def test_residual_mode__repeated_batch__codewords_reach_the_means_of_their_vectors():
    batch = torch.randn(256, 8)
    quantizer = ResidualVectorQuantizer(8, 4, 1, decay=0.5)
    for _ in range(60):
        codes = quantizer(batch).codes[:, 0]
    unit = F.normalize(batch, dim=-1)
    for code in range(4):
        mean = unit[codes == code].mean(0)
        torch.testing.assert_close(quantizer.levels[0].weight[code], mean, atol=1e-4, rtol=0)


@pytest.mark.parametrize("mode", MODES)
def test_eval_mode__forward__changes_no_buffer(mode):
    for quantizer in (ResidualVectorQuantizer(8, 16, 3, mode=mode), used_quantizer(mode)):
        quantizer.eval()
        before = state_of(quantizer)
        quantizer(torch.randn(4, 10, 8))
        assert changed_buffers(before, quantizer) == []


@pytest.mark.parametrize("mode", MODES)
def test_training_mode__forward__moves_codewords_and_counts(mode):
    quantizer = used_quantizer(mode)
    before = state_of(quantizer)
    quantizer(torch.randn(4, 10, 8))
    for level in range(3):
        assert f"levels.{level}.weight" in changed_buffers(before, quantizer)
        assert f"levels.{level}.counts" in changed_buffers(before, quantizer)


@pytest.mark.parametrize("mode", MODES)
def test_initialisation__eval_then_training__happens_in_training_only(mode):
    quantizer = ResidualVectorQuantizer(8, 16, 3, mode=mode)
    quantizer.eval()(torch.randn(50, 8))
    assert not any(level.initialized for level in quantizer.levels)
    quantizer.train()(torch.randn(50, 8))
    assert all(level.initialized for level in quantizer.levels)


@pytest.mark.parametrize("mode", MODES)
def test_initialisation__second_batch_elsewhere__codewords_stay_near_the_first(mode):
    quantizer = ResidualVectorQuantizer(8, 16, 1, mode=mode, revival_threshold=0.0)
    around_pole = torch.eye(8)[0] + 0.1 * torch.randn(100, 8)
    quantizer(around_pole)
    quantizer(-around_pole)
    assert (quantizer.levels[0].weight[:, 0] > 0).all()


def test_official_mode__training__codewords_keep_unit_norm():
    quantizer = used_quantizer("official")
    quantizer(torch.randn(300, 8))
    for level in quantizer.levels:
        torch.testing.assert_close(level.weight.norm(dim=-1), torch.ones(16))


@pytest.mark.parametrize("training", [False, True])
def test_residual_mode__gradient__is_that_of_the_normalised_input(training):
    quantizer = used_quantizer().train(training)
    z = (3 * torch.randn(5, 7, 8)).requires_grad_()
    direction = torch.randn(5, 7, 8)
    (quantizer(z).quantized * direction).sum().backward()
    (expected,) = torch.autograd.grad((F.normalize(z, dim=-1) * direction).sum(), z)
    torch.testing.assert_close(z.grad, expected)


@pytest.mark.parametrize("mode", MODES)
def test_commitment_loss__descent_on_it__brings_vectors_nearer(mode):
    quantizer = used_quantizer(mode).eval()
    z = torch.randn(20, 8, requires_grad=True)
    loss = quantizer(z).commitment_loss
    (gradient,) = torch.autograd.grad(loss, z)
    assert gradient.abs().max() > 0
    assert quantizer(z - 0.1 * gradient).commitment_loss < loss


def test_quantizer_dropout__eval_mode__changes_nothing():
    z = torch.randn(6, 10, 8)
    plain = used_quantizer().eval()
    dropping = ResidualVectorQuantizer(8, 16, 3, quantizer_dropout=1.0).eval()
    dropping.load_state_dict(plain.state_dict())
    assert torch.equal(dropping(z).quantized, plain(z).quantized)
    assert torch.equal(dropping(z).codes, plain(z).codes)


def test_quantizer_dropout__training_mode__each_epoch_sums_its_own_number_of_levels():
    quantizer = used_quantizer(quantizer_dropout=1.0)
    before = copy.deepcopy(quantizer).eval()
    z = torch.randn(64, 10, 8)
    output = quantizer(z)
    assert torch.equal(output.codes, before(z).codes)
    partial_sums = torch.stack([before.from_codes(output.codes, n) for n in (1, 2, 3)])
    fits = (partial_sums - output.quantized).abs().amax((-2, -1)) < 1e-5
    assert (fits.sum(0) == 1).all()
    assert fits.any(1).all(), "every number of levels occurs among 64 epochs"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n_levels", [None, 1, 2, 3])
def test_from_codes__codes_of_forward__gives_quantized(mode, n_levels):
    quantizer = used_quantizer(mode).eval()
    output = quantizer(torch.randn(4, 5, 8), n_levels)
    assert output.codes.shape == (4, 5, 3)
    torch.testing.assert_close(quantizer.from_codes(output.codes, n_levels), output.quantized)


@pytest.mark.parametrize("mode", MODES)
def test_codebook__larger_than_the_data__is_finite(mode):
    quantizer = ResidualVectorQuantizer(8, 64, 2, mode=mode)
    z = torch.randn(5, 8)
    for _ in range(3):
        output = quantizer(z)
    assert output.quantized.isfinite().all()
    assert all(tensor.isfinite().all() for tensor in quantizer.state_dict().values())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("training", [False, True])
def test_all_zero_input__output_gradient_and_buffers__finite(mode, training):
    quantizer = used_quantizer(mode).train(training)
    z = torch.zeros(3, 4, 8, requires_grad=True)
    output = quantizer(z)
    (output.quantized.sum() + output.commitment_loss).backward()
    assert output.quantized.isfinite().all()
    assert z.grad.isfinite().all()
    assert all(tensor.isfinite().all() for tensor in quantizer.state_dict().values())


@pytest.mark.parametrize("mode", MODES)
def test_all_zero_input__first_training_batch__buffers_finite(mode):
    quantizer = ResidualVectorQuantizer(8, 16, 2, mode=mode)
    quantizer(torch.zeros(20, 8))
    output = quantizer(torch.randn(20, 8))
    assert output.quantized.isfinite().all()
    assert all(tensor.isfinite().all() for tensor in quantizer.state_dict().values())


@pytest.mark.parametrize("dim", [1, 3, 50, 128])
@pytest.mark.parametrize("mode", MODES)
def test_code_width__other_than_64__each_vector_keeps_its_own_code(dim, mode):
    quantizer = ResidualVectorQuantizer(dim, [5, 9], 2, mode=mode).eval()
    z = torch.randn(2, 3, 4, dim)
    output = quantizer(z)
    assert output.codes.shape == (2, 3, 4, 2)
    assert output.quantized.shape == z.shape
    one_by_one = torch.cat([quantizer(row).codes for row in z.reshape(24, 1, dim)])
    assert torch.equal(output.codes.reshape(24, 2), one_by_one)
    assert quantizer.codebook_sizes == [5, 9]


def test_single_vector__without_leading_axis__gives_its_codes():
    quantizer = used_quantizer().eval()
    z = torch.randn(8)
    output = quantizer(z)
    assert output.quantized.shape == (8,)
    assert torch.equal(output.codes, quantizer(z[None]).codes[0])


def test_autocast_bfloat16__codes_and_sums__stay_those_of_float32():
    quantizer = used_quantizer().eval()
    z = torch.randn(10, 8)
    expected = quantizer(z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = quantizer(z)
    assert output.quantized.dtype == torch.float32
    assert torch.equal(output.codes, expected.codes)
    assert torch.equal(output.quantized, expected.quantized)


def test_codebook_size__numpy_integer__is_taken():
    # Grid searches over numpy arrays pass these.
    assert ResidualVectorQuantizer(4, np.int64(16), 2).codebook_sizes == [16, 16]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "product"}, "mode='product'.*'residual' or 'official'"),
        ({"n_quantizers": 0}, "n_quantizers=0.*at least 1"),
        ({"codebook_size": 1}, "codebook_size=1 .*at least 2"),
        ({"codebook_size": [16, 16]}, r"codebook_size=\[16, 16\].*3 levels"),
        ({"codebook_size": [16, 1, 16]}, r"codebook_size=\[16, 1, 16\]"),
    ],
)
def test_constructor__bad_argument__error_names_it(settings, message):
    with pytest.raises(ValueError, match=message):
        ResidualVectorQuantizer(8, **settings)


@pytest.mark.parametrize("n_levels", [0, 4, -1])
def test_n_levels__out_of_range__error_names_the_range(n_levels):
    quantizer = used_quantizer().eval()
    with pytest.raises(ValueError, match=f"n_levels={n_levels}.*levels 1 to 3"):
        quantizer(torch.randn(2, 8), n_levels)
    with pytest.raises(ValueError, match=f"n_levels={n_levels}.*levels 1 to 3"):
        quantizer.from_codes(torch.zeros(2, 3, dtype=torch.int64), n_levels)


def test_input__wrong_width__error_gives_both_widths():
    with pytest.raises(ValueError, match="width 7; this quantizer has width 8"):
        used_quantizer()(torch.randn(2, 7))


def test_from_codes__wrong_number_of_levels__error_gives_both():
    with pytest.raises(ValueError, match="2 levels; this quantizer has 3"):
        used_quantizer().from_codes(torch.zeros(4, 2, dtype=torch.int64))
