"""The modules against numbers computed with the published research code."""

import pytest
import torch
from nn_reference import assert_agrees, load_reference, network_inputs

from sk_brainrvq.nn import (
    ResidualVectorQuantizer,
    curriculum_weight,
    importance_scores,
    limit_runs,
)
from sk_brainrvq.weights import load_official

DOMAINS = ("time", "frequency")


@pytest.fixture(scope="module")
def residual_vq(reference_folder):
    return load_reference(reference_folder, "residual_vq")


@pytest.fixture
def quantizer(residual_vq):
    numbers, weights = residual_vq
    quantizer = ResidualVectorQuantizer(
        8, [32, 24, 16], 3, mode="official", decay=float(numbers["decay"])
    )
    for i, level in enumerate(quantizer.levels):
        level.weight.copy_(weights[f"layers.{i}.embedding.weight"])
        level.counts.copy_(weights[f"layers.{i}.cluster_size"])
        level.initialized.fill_(True)
    return quantizer.eval()


def channels_last(z):
    """The published (B, d, C, P) as (B, C, P, d)."""
    return z.permute(0, 2, 3, 1).contiguous()


def test_residual_vq__eval_mode__codes_sum_and_loss_agree(residual_vq, quantizer):
    numbers, _ = residual_vq
    output = quantizer(channels_last(numbers["z"]))
    for i in range(3):
        assert torch.equal(output.codes[..., i], numbers[f"codes/{i}"])
    assert_agrees(output.quantized, channels_last(numbers["quantized"]))
    assert_agrees(output.commitment_loss, numbers["loss"])


def test_residual_vq__training_step__output_gradient_and_codebooks_agree(residual_vq, quantizer):
    numbers, _ = residual_vq
    z = channels_last(numbers["z"]).requires_grad_()
    output = quantizer.train()(z)
    assert_agrees(output.quantized, channels_last(numbers["train_quantized"]))
    assert_agrees(output.commitment_loss, numbers["train_loss"])

    (output.quantized.square().sum() + output.commitment_loss).backward()
    gradient = numbers["input_gradient_of_sum_of_squares_plus_loss"]
    assert_agrees(z.grad, channels_last(gradient))

    for i, level in enumerate(quantizer.levels):
        after = f"after_one_training_step/layers.{i}"
        assert_agrees(level.weight, numbers[f"{after}.embedding.weight"])
        assert_agrees(level.counts, numbers[f"{after}.cluster_size"])


@pytest.fixture(scope="module")
def tokenizer(reference_folder):
    numbers, weights = load_reference(reference_folder, "tokenizer")
    module = load_official(weights)
    x, electrodes = network_inputs(numbers)
    with torch.no_grad():
        output = module(x, electrodes)
    return numbers, module, x, electrodes, output


def test_tokenizer__published_weights__encoder_tokens_agree(tokenizer):
    numbers, module, x, electrodes, _ = tokenizer
    assert_agrees(module.encoder(x, electrodes)[:, 1:], numbers["encoder_tokens"])


@pytest.mark.parametrize("domain", [0, 1])
def test_tokenizer__published_weights__codes_and_quantized_agree(tokenizer, domain):
    numbers, module, x, electrodes, output = tokenizer
    expected = numbers[f"codes_{DOMAINS[domain]}"].permute(1, 2, 0).unflatten(1, (4, 4))
    assert torch.equal(output.codes[..., domain, :], expected)
    assert torch.equal(module.encode(x, electrodes)[..., domain, :], expected)

    quantized = channels_last(numbers[f"quantized_{DOMAINS[domain]}"])
    quantizer = module.quantizers[domain]
    assert_agrees(quantizer(module.latents(x, electrodes)[domain]).quantized, quantized)
    assert_agrees(quantizer.from_codes(expected), quantized)


@pytest.mark.parametrize("part", ["waveform", "amplitude", "phase"])
def test_tokenizer__published_weights__reconstructions_agree(tokenizer, part):
    numbers, module, _, electrodes, output = tokenizer
    expected = numbers[f"reconstructed_{part}"].unflatten(1, (4, 4))
    assert_agrees(getattr(output.reconstruction, part), expected)
    with torch.no_grad():
        decoded = module.decode(output.codes, electrodes)
    assert_agrees(getattr(decoded, part), expected)


def test_tokenizer__published_weights__every_loss_term_agrees(tokenizer):
    numbers, _, _, _, output = tokenizer
    published_names = {
        "waveform": "rec_time_loss",
        "amplitude": "rec_loss",
        "phase": "rec_angle_loss",
        "commitment_time": "quant_loss_t",
        "commitment_frequency": "quant_loss_f",
    }
    assert output.losses.keys() == published_names.keys()
    for name, published in published_names.items():
        assert_agrees(output.losses[name], numbers[f"loss_terms/{published}"])
    assert_agrees(output.loss, numbers["loss"])
    assert_agrees(output.loss, numbers["loss_terms/total_loss"])


@pytest.fixture(scope="module")
def masked_model(reference_folder):
    numbers, weights = load_reference(reference_folder, "masked_pretraining")
    mask = numbers["mask"].unflatten(1, (4, 4))
    codes = torch.stack([numbers[f"codes_{d}"].permute(1, 2, 0) for d in DOMAINS], -2)
    return numbers, load_official(weights), mask, codes.unflatten(1, (4, 4))


@pytest.mark.parametrize("kind", ["teacher_forced", "greedy"])
def test_masked_model__published_weights__logits_agree(masked_model, kind):
    numbers, model, mask, codes = masked_model
    given = codes if kind == "teacher_forced" else None
    with torch.no_grad():
        output = model(*network_inputs(numbers), mask, given)
    for d, domain in enumerate(DOMAINS):
        for level in range(3):
            for where, logits in (
                ("masked", output.masked_logits),
                ("visible", output.visible_logits),
            ):
                expected = numbers[f"{kind}_logits/{domain}_{where}/{level}"]
                assert_agrees(logits[d][level], expected)


def test_masked_model__published_weights__level_weights_agree(masked_model):
    numbers, model, _, _ = masked_model
    assert model.level_weights == tuple(numbers["level_weights"].tolist())


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("return_logits", [False, True])
def test_masked_model__published_weights__loss_agrees(masked_model, return_logits, training):
    numbers, model, mask, codes = masked_model
    model.train(training)
    output = model(*network_inputs(numbers), mask, codes, return_logits=return_logits)
    model.eval()
    assert_agrees(output.loss, numbers["loss"])
    assert (output.masked_logits is not None) == return_logits
    assert (output.visible_logits is not None) == return_logits


@torch.no_grad()
def test_classifier__published_weights__tokens_pooled_and_logits_agree(reference_folder):
    numbers, weights = load_reference(reference_folder, "classifier")
    model = load_official(weights)
    x, electrodes = network_inputs(numbers)
    tokens = model.encoder(x, electrodes)
    assert_agrees(tokens, numbers["all_tokens"])
    assert_agrees(tokens[:, 1:], numbers["patch_tokens"])
    assert_agrees(model.pooled(x, electrodes), numbers["pooled"])
    assert_agrees(model(x, electrodes), numbers["logits"])


def test_importance__published_patches__scores_agree(reference_folder):
    numbers, _ = load_reference(reference_folder, "importance_masking")
    scores = importance_scores(numbers["patches"], float(numbers["sfreq"]))
    assert_agrees(scores.flatten(1), numbers["importance"])


def test_limit_runs__published_flattened_mask__mask_agrees(reference_folder):
    numbers, _ = load_reference(reference_folder, "importance_masking")
    limited = limit_runs(numbers["mask_before"], int(numbers["max_run"]))
    assert not torch.equal(numbers["mask_before"], numbers["mask_after"])
    assert torch.equal(limited, numbers["mask_after"])


def test_curriculum_weight__every_epoch__agrees(reference_folder):
    numbers, _ = load_reference(reference_folder, "importance_masking")
    n_epochs = int(numbers["n_epochs"])
    weights = [curriculum_weight(int(epoch), n_epochs) for epoch in numbers["epochs"]]
    assert weights == pytest.approx(numbers["info_weight"].tolist(), abs=1e-12)
