"""Parameters and weights that cannot be used."""

import json
import warnings

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from tiny import NAMES, fit, fitted, make_eeg, make_labels, tiny

from sk_brainrvq import Architecture, CodeHistogram, Reading, Weights
from sk_brainrvq.exceptions import CheckpointError, EEGWarning, InvalidEEGError
from sk_brainrvq.weights.checkpoint_header import CONFIG_FILE, TENSOR_FILE

every_estimator = pytest.mark.parametrize("name", NAMES)
TOKENIZING = pytest.mark.parametrize("name", ["tokenizer", "pretrainer"])


def assert_refused(name, message, error=ValueError, **params):
    with pytest.raises(error, match=message):
        fit(tiny(name, **params), make_eeg())


@pytest.mark.parametrize("n_quantizers", [0, -1, 1.5])
@TOKENIZING
def test_n_quantizers__no_positive_integer__says_so(name, n_quantizers):
    message = f"n_quantizers={n_quantizers} was given; expected a positive integer"
    assert_refused(name, message, architecture__n_quantizers=n_quantizers)


@every_estimator
def test_embed_dim__150__says_multiple_of_100(name):
    assert_refused(
        name, "embed_dim=150 was given.*expected a multiple of 100", architecture__embed_dim=150
    )


@every_estimator
def test_depth__0__says_positive_integer(name):
    assert_refused(name, "depth=0 was given; expected a positive integer", architecture__depth=0)


@every_estimator
def test_architecture__unknown__lists_the_known(name):
    message = r"architecture='huge'.*expected one of \['base', 'small', 'tiny'\]"
    assert_refused(name, message, architecture="huge")


def test_pooling__unknown__lists_the_known():
    assert_refused("embedder", "pooling='max'.*expected one of.*'mean_std'", pooling="max")


@pytest.mark.parametrize("layer", [2, -3])
def test_layer__out_of_range__says_the_range(layer):
    message = f"layer={layer} was given, but the encoder has 2 layers; expected -2 to 1"
    assert_refused("embedder", message, layer=layer)


@every_estimator
def test_unit__unknown__lists_the_known(name):
    assert_refused(name, "unit='nV'.*expected one of 'uV', 'mV', 'V'", unit="nV")


@pytest.mark.parametrize("sfreq", [0, -200, np.nan, "fast", 1e7])
@every_estimator
def test_sfreq__no_rate__says_the_range(name, sfreq):
    assert_refused(name, "sfreq=.*expected a sampling rate in Hz", InvalidEEGError, sfreq=sfreq)


def test_quantizer_mode__unknown__lists_the_known():
    message = "mode='product'.*expected 'residual' or 'official'"
    assert_refused("tokenizer", message, architecture__quantizer_mode="product")


def test_targets__unknown__lists_the_known():
    assert_refused(
        "tokenizer", r"targets='raw'.*\['extended', 'published'\]", architecture__targets="raw"
    )


@every_estimator
def test_batch_size__0__says_positive(name):
    assert_refused(name, "batch_size=0", batch_size=0)


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "classifier"])
def test_max_epochs__negative__says_so(name):
    assert_refused(name, "max_epochs=-1", max_epochs=-1)


@TOKENIZING
def test_codebook__larger_than_the_data__works_and_says_so(name):
    with pytest.warns(EEGWarning, match="codebook_size=64 exceeds the 24 patches"):
        estimator = tiny(name, architecture__codebook_size=64).fit(make_eeg(n_epochs=2))
    assert np.isfinite(estimator.transform(make_eeg(n_epochs=2))).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        tiny(name, architecture__codebook_size=24).fit(make_eeg(n_epochs=2))


@pytest.mark.parametrize("params", [{"weights": 3}, {"weights": [1, 2]}])
@every_estimator
def test_weights__no_weights__says_what_is_expected(name, params):
    message = "expected 'default', None, a path or a Weights"
    assert_refused(name, message, CheckpointError, **params)


@every_estimator
def test_weights__a_fitted_estimator__says_to_pass_its_weights(name):
    message = r"lose its fit.*Pass its weights instead: weights=fitted\.weights_"
    assert_refused(name, message, CheckpointError, weights=fitted("pretrainer"))


def test_tokenizer_parameter__a_fitted_estimator__says_to_pass_its_weights():
    message = r"lose its fit.*tokenizer=fitted\.weights_"
    assert_refused("pretrainer", message, CheckpointError, tokenizer=fitted("tokenizer"))


def test_tokenizer_parameter__weights_of_an_encoder__names_both_kinds():
    weights = fitted("embedder").weights_
    message = "kind 'encoder'; expected one of tokenizer"
    assert_refused("pretrainer", message, CheckpointError, tokenizer=weights)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [("tokenizer", "pretraining", "tokenizer"), ("pretrainer", "tokenizer", "pretraining")],
)
def test_weights__of_another_kind__names_both_kinds(name, kind, expected):
    source = {"pretraining": "pretrainer"}.get(kind, kind)
    message = f"kind '{kind}'; expected one of {expected}"
    assert_refused(name, message, CheckpointError, weights=fitted(source).weights_)


@pytest.mark.parametrize(
    ("name", "source", "size"),
    [
        ("tokenizer", "tokenizer", {"codebook_size": 32}),
        ("tokenizer", "tokenizer", {"embed_dim": 200}),
        ("pretrainer", "pretrainer", {"depth": 3}),
        ("embedder", "pretrainer", {"embed_dim": 200}),
        ("classifier", "tokenizer", {"depth": 1}),
    ],
)
def test_explicit_size__conflicts_with_weights__names_both(name, source, size):
    parameter, value = next(iter(size.items()))
    message = f"{parameter}={value} was given, but Weights.*has {parameter}="
    assert_refused(
        name, message, architecture=Architecture(**size), weights=fitted(source).weights_
    )


@pytest.mark.parametrize("size", [{"n_quantizers": 2}, {"codebook_size": 99}])
def test_explicit_size__conflicts_with_the_tokenizer__names_both(size):
    parameter, value = next(iter(size.items()))
    params = {
        "architecture": Architecture("tiny", **size),
        "tokenizer": fitted("tokenizer").weights_,
    }
    assert_refused("pretrainer", f"{parameter}={value} was given, but", **params)


def test_explicit_size__same_as_that_of_the_weights__is_accepted():
    weights = fitted("tokenizer").weights_
    sizes = Architecture(codebook_size=16, embed_dim=100)
    tokenizer = tiny("tokenizer", weights=weights, architecture=sizes, max_epochs=None)
    assert tokenizer.fit(make_eeg()).weights_ == weights


def test_pretrainer__tokenizer_of_another_vocabulary_than_the_weights__names_both():
    other = tiny("tokenizer", architecture__codebook_size=8).fit(make_eeg()).weights_
    params = {"weights": fitted("pretrainer").weights_, "tokenizer": other, "architecture": "tiny"}
    assert_refused("pretrainer", r"\(8, 3\).*predicts.*\(16, 3\)", CheckpointError, **params)


class TestPaths:
    @pytest.fixture
    def saved(self, tmp_path):
        return fitted("embedder").weights_.save(tmp_path / "model")

    def test_missing__says_what_was_expected(self, tmp_path):
        path = tmp_path / "nowhere"
        assert_refused("embedder", "No checkpoint at .*nowhere", CheckpointError, weights=path)

    def test_truncated__says_so(self, saved):
        saved.write_bytes(saved.read_bytes()[:-1000])
        assert_refused("embedder", "truncated", CheckpointError, weights=str(saved))

    def test_another_kind_of_file__says_so(self, tmp_path):
        path = tmp_path / "model.safetensors"
        path.write_text("not tensors at all")
        assert_refused("embedder", "not a safetensors file", CheckpointError, weights=path)

    def test_safetensors_of_another_program__says_so(self, saved):
        save_file(load_file(saved), saved, metadata={"format": "pt"})
        message = "safetensors file of another program"
        assert_refused("embedder", message, CheckpointError, weights=saved)

    def test_newer_format__says_to_upgrade(self, saved):
        header = json.loads((saved.parent / CONFIG_FILE).read_text())
        header["format_version"] = 999
        save_file(load_file(saved), saved, metadata={"sk_brainrvq": json.dumps(header)})
        message = "format version 999.*Upgrade sk_brainrvq"
        assert_refused("embedder", message, CheckpointError, weights=saved)

    def test_missing_surplus_and_misshapen_tensors__are_listed(self, saved):
        header = (saved.parent / CONFIG_FILE).read_text()
        tensors = load_file(saved)
        tensors["stranger"] = tensors.pop("cls_token")
        tensors["norm.bias"] = tensors["norm.bias"][:-1].clone()
        save_file(tensors, saved, metadata={"sk_brainrvq": json.dumps(json.loads(header))})
        with pytest.raises(CheckpointError) as caught:
            Weights(saved)
        for line in ("Missing: cls_token", "Surplus: stranger", "Shape: norm.bias: (99,)"):
            assert line in str(caught.value)

    def test_folder_and_file__both_load(self, saved):
        weights = fitted("embedder").weights_
        assert saved.name == TENSOR_FILE
        assert Weights(saved) == Weights(saved.parent) == weights


@pytest.mark.parametrize("n_levels", [0, 4, -1, 1.5])
def test_n_levels__out_of_range__says_the_range(n_levels):
    tokenizer = fitted("tokenizer")
    X = make_eeg()
    codes = tokenizer.transform(X)
    for call in (
        lambda: tokenizer.inverse_transform(codes, n_levels=n_levels),
        lambda: tokenizer.reconstruct(X, n_levels=n_levels),
        lambda: tokenizer.score(X, n_levels=n_levels),
    ):
        with pytest.raises(ValueError, match=f"n_levels={n_levels} was given.*levels 1 to 3"):
            call()


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((2, 3, 4, 2, 3), r"\(2, 3, 4, 2, 3\)"),
        ((2, 4, 3, 1, 3), r"\(2, 4, 3, 1, 3\)"),
        ((2, 4, 3, 2, 2), r"\(2, 4, 3, 2, 2\)"),
        ((2, 4, 3, 6), r"\(2, 4, 3, 6\)"),
        ((0, 4, 3, 2, 3), r"\(0, 4, 3, 2, 3\)"),
    ],
)
def test_inverse_transform__codes_of_another_shape__says_both(shape, found):
    message = rf"codes have shape {found}; expected \(n_epochs, 4, n_patches, 2, 3\)"
    with pytest.raises(InvalidEEGError, match=message):
        fitted("tokenizer").inverse_transform(np.zeros(shape, int))


def test_inverse_transform__float_codes__says_integers():
    with pytest.raises(InvalidEEGError, match="float64; expected integers"):
        fitted("tokenizer").inverse_transform(np.zeros((2, 4, 3, 2, 3)))


@pytest.mark.parametrize("code", [-1, 16])
def test_inverse_transform__codes_out_of_range__names_domain_and_level(code):
    codes = np.zeros((2, 4, 3, 2, 3), int)
    codes[1, 2, 0, 1, 2] = code
    message = "domain 1, level 2.*has codes 0 to 15"
    with pytest.raises(InvalidEEGError, match=message):
        fitted("tokenizer").inverse_transform(codes)


def test_code_histogram__of_eeg__points_to_the_tokenizer():
    with pytest.raises(ValueError, match=r"not integers.*DDRVQTransformer"):
        CodeHistogram().fit(np.abs(make_eeg()[:, 0]))


@pytest.mark.parametrize("size", [0, 2.5, True])
def test_code_histogram__codebook_size_of_no_codes__says_positive_integer(size):
    with pytest.raises(ValueError, match=f"codebook_size={size} was given; expected an integer"):
        CodeHistogram(codebook_size=size).fit(np.zeros((2, 1, 1, 2, 3), int))


# Settings of a training


def test_settings_of_fine_tuning__out_of_range__error_says_what_is_expected():
    one_class = (make_eeg(2), ["rest", "rest"])
    for params, message in [
        ({"layer_decay": 1.5}, r"layer_decay=1\.5 was given; expected a number from 0\.0 to 1\.0"),
        ({"layer_decay": -0.1}, r"layer_decay=-0\.1 was given; expected a number from"),
        ({"drop_path": 1.0}, r"drop_path=1\.0 was given; expected a number from 0\.0 to 0\.99"),
        ({"drop_path": "0.1"}, r"drop_path='0\.1' was given; expected a number from"),
        ({"lora_rank": 0}, "lora_rank=0 was given; expected an integer of at least 1"),
        ({"lora_rank": True}, "lora_rank=True was given; expected an integer"),
        ({"class_weight": "equal"}, "class_weight='equal' was given; expected 'balanced', a dict"),
        ({"device": "gpu"}, "device='gpu' was given; expected 'auto', 'cpu'"),
        ({"validation": make_eeg()}, r"validation=ndarray was given; expected .* a pair \(X, y\)"),
        (
            {"validation": one_class, "early_stopping": 1},
            r"validation data hold only one class \('rest'\)",
        ),
        ({"validation": 0.01}, r"validation=0\.01 cannot be split off 12 epochs with no groups"),
    ]:
        assert_refused("classifier", message, **params)
    most = {"layer_decay": 1, "drop_path": 0, "lora_rank": 1, "criterion": "loss"}
    fit(tiny("classifier", validation=one_class, early_stopping=1, **most), make_eeg())


def test_criterion__each_that_an_estimator_has__stops_at_its_best_epoch():
    bests = {"loss": ("valid_loss", np.argmin), "kappa": ("valid_kappa", np.argmax)}
    bests |= {name: (f"valid_{name}", np.argmax) for name in ("auroc", "r2", "correlation")}
    for name, criteria in {
        "classifier": ["auroc", "kappa", "loss"],
        "regressor": ["loss", "r2", "correlation"],
    }.items():
        y = make_labels() if name == "classifier" else np.arange(12.0)
        for criterion in criteria:
            params = {"criterion": criterion, "early_stopping": 1, "max_epochs": 3, "lr": 3e-3}
            fitted_one = tiny(name, validation=(make_eeg(seed=1), y), **params).fit(make_eeg(), y)
            figure, best = bests[criterion]
            figures = [row[figure] for row in fitted_one.history_]
            assert fitted_one.best_epoch_ == int(best(figures)) + 1


def test_validation__array_alone_without_labels__is_validated_on():
    pair, alone = (
        fit(tiny("tokenizer", validation=held_out), make_eeg()).history_[0]["valid_loss"]
        for held_out in ((make_eeg(3, seed=1), None), make_eeg(3, seed=1))
    )
    assert pair == alone
    assert (
        pair != fit(tiny("tokenizer", validation=make_eeg(3)), make_eeg()).history_[0]["valid_loss"]
    )


def test_electrode_map__names_that_x_has_not__warns_of_them():
    reading = Reading(electrode_map={"C3": "C4", "X1": "Cz"})
    with pytest.warns(EEGWarning, match=r"electrode_map names \['X1'\], which are not channels"):
        fit(tiny("embedder", reading=reading), make_eeg())


def test_warm_start__pretrainer_with_its_own_tokenizer__keeps_it():
    pretrainer = fit(tiny("pretrainer", warm_start=True), make_eeg())
    tokenizer, weights = pretrainer.tokenizer_weights_, pretrainer.weights_
    fit(pretrainer, make_eeg(seed=1))
    assert pretrainer.tokenizer_weights_ is tokenizer
    assert pretrainer.weights_ != weights
