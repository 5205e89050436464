"""Where memory does not suffice: batches are halved, and errors say what needs less.

Tensors of 4 PiB are more than any process can address: their allocation fails as one that is a
little too large does.
"""

import copy
import re
import sys
import warnings

import numpy as np
import psutil
import pytest
import torch
from process_tools import run_alone, values_of
from skorch.callbacks import Callback
from tiny import apply, fitted, make_eeg, make_labels, tiny

from sk_brainrvq import Engine
from sk_brainrvq.exceptions import EEGWarning, OutOfMemoryError
from sk_brainrvq.nn import EEGEncoder, EncoderClassifier, MaskedCodeModel
from sk_brainrvq.nn.encoder import PatchEmbedding
from sk_brainrvq.training.memory.expected_memory import BatchSizes, expected_step
from sk_brainrvq.training.memory.out_of_memory import bytes_asked_for, is_of_memory

TOO_MANY = 2**50
# 120 tokens per window: two of them are as few as are ever computed together.
LONG = {"n_epochs": 12, "n_times": 30 * 200}


def with_room_for(estimator, n_windows):
    """The fitted estimator, whose network runs out of memory on larger batches."""

    def allocate(_, inputs):
        if len(inputs[0]) > n_windows:
            torch.empty(TOO_MANY)

    for module in estimator.net_.module_.modules():
        if isinstance(module, PatchEmbedding):
            module.register_forward_pre_hook(allocate)
    return estimator


@pytest.mark.parametrize(
    ("allocate", "n_bytes"),
    [
        (lambda: torch.empty(TOO_MANY), 4 * TOO_MANY),
        (lambda: np.empty(TOO_MANY, np.float32), 4 * TOO_MANY),
        (lambda: bytearray(TOO_MANY), None),
    ],
)
def test_is_of_memory__errors_of_allocators__are_known_with_their_sizes(allocate, n_bytes):
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        allocate()
    assert is_of_memory(caught.value)
    assert bytes_asked_for(caught.value) == n_bytes


def test_is_of_memory__other_errors__are_not():
    with pytest.raises(RuntimeError) as caught:
        torch.ones(2, 3) @ torch.ones(2, 3)
    assert not is_of_memory(caught.value)
    assert not is_of_memory(FileNotFoundError("memory.txt"))


@pytest.mark.parametrize("name", ["embedder", "tokenizer", "pretrainer", "classifier"])
def test_transform__batches_that_are_too_large__are_halved_with_one_warning(name):
    X = make_eeg(**LONG)
    estimator = copy.deepcopy(fitted(name)).set_params(batch_size=12)
    expected = apply(estimator, X)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", EEGWarning)
        result = apply(with_room_for(estimator, 4), X)
    np.testing.assert_array_equal(result, expected)
    texts = [str(w.message) for w in said if "Memory" in str(w.message)]
    assert len(texts) == 1
    assert "batches of 12 windows of 4 channels x 30 s: continued with 3 at a time" in texts[0]
    assert "batch_size=3" in texts[0]


def test_transform__not_even_the_smallest_batch_fits__error_says_sizes_and_remedies():
    X = make_eeg(**LONG)
    embedder = with_room_for(copy.deepcopy(fitted("embedder")), 0)
    with pytest.raises(OutOfMemoryError, match=r"4,096\.0 TiB were asked for") as caught:
        embedder.transform(X)
    text = str(caught.value)
    assert "2 windows of 4 channels x 30 s" in text
    assert "1. shorter windows" in text
    assert isinstance(caught.value, MemoryError)


class _Greedy(Callback):
    def on_batch_begin(self, net, **kwargs):
        torch.empty(TOO_MANY)


def test_fit__out_of_memory__error_says_sizes_and_remedies_in_order():
    classifier = tiny("classifier", batch_size=8, engine=Engine(callbacks=[_Greedy()]))
    with pytest.raises(OutOfMemoryError, match="a step on 8 windows of 4 channels x 3 s") as caught:
        classifier.fit(make_eeg(), make_labels())
    text = str(caught.value)
    assert "4,096.0 TiB were asked for at once" in text
    remedies = ["batch_size=4", "gradient_accumulation=2", "shorter than 3 s", "bfloat16"]
    places = [text.index(remedy) for remedy in remedies]
    assert places == sorted(places)
    assert not hasattr(classifier, "net_")


def test_fit__signals_that_do_not_fit__error_says_what_needs_less():
    signals = np.broadcast_to(np.float64(1), (2**40, 4, 600))
    with pytest.raises(OutOfMemoryError, match=r"Signals .* fewer windows .* build_corpus"):
        tiny("classifier").fit(signals, np.zeros(3))


def kept_for_backward(run):
    """Bytes of all tensors that a forward pass keeps, weights included."""
    kept = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = run()
    del result
    return sum(storage.nbytes() for storage in kept.values())


def test_expected_step__against_what_autograd_keeps__a_little_more():
    B, C, P = 4, 8, 8
    x, electrodes = torch.randn(B, C, P, 200), torch.arange(1, C + 1)
    classifier = EncoderClassifier(EEGEncoder(200, 4, spectral_embedding=True), 2)
    masked = MaskedCodeModel(EEGEncoder(200, 12, qk_norm=True, layer_scale=0.1), 64, 2)
    mask, codes = torch.rand(B, C, P) < 0.5, torch.randint(64, (B, C, P, 2, 2))
    for module, run in [
        (classifier, lambda: classifier(x, electrodes).sum()),
        (masked, lambda: masked(x, electrodes, mask, codes, return_logits=False).loss),
    ]:
        weights = sum(p.nbytes for p in module.parameters())
        kept = kept_for_backward(run) - weights
        step = expected_step(module, BatchSizes(B, C, P))
        # At the peak gradients and temporary values come on top.
        assert kept < step.n_bytes - step.bytes_of_state < 1.6 * kept
        assert step.bytes_of_state == 3 * weights
        assert step.most_rows(step.n_bytes) == B
    classifier.encoder.requires_grad_(False)
    assert expected_step(classifier, BatchSizes(B, C, P)).n_bytes < kept / 3


def fit_with_little_left():
    """Warning and error of a fit whose step takes more than this process may still address."""
    import resource

    X = make_eeg(n_epochs=512, n_times=4000).astype(np.float32)
    # In a process of its own: after other tests, memory may lie ready that was freed before.
    limit = psutil.Process().memory_info().vms + 200 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with (
        pytest.raises(OutOfMemoryError) as failed,
        pytest.warns(EEGWarning, match="Training will probably not fit into memory") as said,
    ):
        tiny("classifier", batch_size=512).fit(X, make_labels(512))
    return next(str(w.message) for w in said if "batch_size" in str(w.message)), str(failed.value)


def test_fit__limited_address_space__is_foretold_and_explained():
    pytest.importorskip("resource", reason="Windows has no such limit.")
    if sys.platform == "darwin":
        pytest.skip("macOS does not enforce the limit.")
    ((text, error),) = values_of([run_alone(fit_with_little_left)])
    message = "Training ran out of memory on the CPU: a step on 512 windows of 4 channels x 20 s"
    assert message in error
    # 81 tokens per window, 6,600 single floats each: 2.04 MiB, and the state of the weights.
    assert "takes about 1.0 GiB" in text
    assert 1 <= int(re.search(r"batch_size=(\d+)", text)[1]) <= 0.7 * 200 / 2.04


@pytest.mark.parametrize(
    ("name", "params", "advice"),
    [
        ("embedder", {}, "fewer epochs per call"),
        (
            "embedder",
            {"pooling": "none", "spectrum": None, "covariance": False},
            "pooling='mean' or 'region'",
        ),
        ("embedder", {"pooling": "channel"}, "which do not grow with channels"),
        ("tokenizer", {}, "write the codes of each part to disk"),
    ],
)
def test_transform__results_that_memory_cannot_hold__are_foretold(name, params, advice):
    X = make_eeg(n_epochs=2, n_times=600)
    estimator = tiny(name, **params).fit(X) if params else fitted(name)
    # Takes no memory: all epochs are the first one.
    large = np.broadcast_to(X[:1], (10**12, *X.shape[1:]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        with pytest.raises(EEGWarning, match=f"will probably not fit into memory.*{advice}"):
            estimator.transform(large)
