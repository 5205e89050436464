"""Parameters that are values of their own: filters, architecture, engine, reading, crops."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from tiny import CH_NAMES, fit, fitted, make_eeg, make_labels, tiny

from sk_brainrvq import (
    Architecture,
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    DDRVQTransformer,
    Engine,
    Filters,
    RandomCrops,
    Reading,
)
from sk_brainrvq.exceptions import InvalidEEGError

TRAINED = [DDRVQTransformer, BrainRVQPretrainer, BrainRVQClassifier, BrainRVQRegressor]
UNSUPERVISED = [DDRVQTransformer, BrainRVQPretrainer]
OF_EEG = [*TRAINED, BrainRVQEmbedder]
# A nested name, its value, the kind of value that holds it, and the estimators that have it.
NESTED = [
    ("filters__l_freq", 1.0, Filters, OF_EEG),
    ("engine__precision", "bfloat16", Engine, TRAINED),
    ("crops__longest", 5, RandomCrops, UNSUPERVISED),
    ("architecture__depth", 1, Architecture, OF_EEG),
    ("reading__on_error", "skip", Reading, OF_EEG),
]
VALUES = [
    Filters(l_freq=1.0, reference=["Cz", "Pz"]),
    Filters(None, None, None, None),
    Architecture("tiny", codebook_size=32),
    Engine("bfloat16", steps_per_epoch=3),
    Reading({"ch1": "C3"}, on_error="warn"),
    RandomCrops(longest=10),
]
every_value = pytest.mark.parametrize("value", VALUES, ids=repr)
each_nested = pytest.mark.parametrize(
    ("name", "value", "kind", "estimator"),
    [(n, v, k, e) for n, v, k, estimators in NESTED for e in estimators],
    ids=lambda item: item.__name__ if isinstance(item, type) else str(item),
)


def held(estimator, nested):
    """The object that a nested name belongs to, and what it holds by that name."""
    name, _, field = nested.partition("__")
    holder = getattr(estimator, name)
    return holder, getattr(holder, field)


def state_of(estimator):
    """Parameters and those of the values, down to which objects they are."""
    return {name: (id(value), repr(value)) for name, value in estimator.get_params().items()}


# Nested names


@each_nested
def test_set_params__default_never_touched__makes_the_value(name, value, kind, estimator):
    changed = estimator().set_params(**{name: value})
    holder, found = held(changed, name)
    assert isinstance(holder, kind)
    assert found == value
    field = name.partition("__")[2]
    others = {k: v for k, v in holder.get_params().items() if k != field}
    assert others == {k: v for k, v in kind().get_params().items() if k != field}
    assert changed.get_params()[name] == value
    untouched, again = estimator().get_params(deep=False), changed.get_params(deep=False)
    own = name.partition("__")[0]
    assert {k for k in again if repr(again[k]) != repr(untouched[k])} == {own}


def test_set_params__architecture_by_name__keeps_the_preset():
    tokenizer = DDRVQTransformer(architecture="tiny").set_params(architecture__depth=1)
    assert tokenizer.architecture.get_params() == Architecture("tiny", depth=1).get_params()
    config = tiny("embedder", architecture="tiny", architecture__depth=1).fit(make_eeg())
    assert config.weights_.config["encoder"]["embed_dim"] == 100
    assert config.weights_.config["encoder"]["depth"] == 1


def test_set_params__a_value_and_a_part_of_it__the_part_is_laid_over_it():
    embedder = BrainRVQEmbedder().set_params(filters__h_freq=30.0, filters=Filters(l_freq=1.0))
    assert embedder.filters.get_params() == Filters(l_freq=1.0, h_freq=30.0).get_params()
    embedder.set_params(filters__h_freq="auto", filters__notch=50)
    assert embedder.filters.get_params() == Filters(l_freq=1.0, notch=50).get_params()


@pytest.mark.parametrize("estimator", OF_EEG)
def test_filters_none__part_set__error_says_what_to_do(estimator):
    unfiltered = estimator(filters=None)
    message = r"filters__l_freq=1\.0 was given, but filters=None.* Set filters='auto' or filters=F"
    with pytest.raises(ValueError, match=message):
        unfiltered.set_params(filters__l_freq=1.0)
    assert unfiltered.filters is None
    unfiltered.set_params(filters="auto", filters__l_freq=1.0)
    assert unfiltered.filters.l_freq == 1.0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"lr": 1.0, "filters": None, "filters__l_freq": 1.0}, "but filters=None does not filter"),
        ({"lr": 1.0, "engine__precision": "float16", "engine__speed": 1}, "'speed'"),
        ({"lr": 1.0, "architecture__depth": 3, "height": 1}, "'height'"),
        ({"engine__precision": "float16", "reading__nothing": 1}, "'nothing'"),
    ],
)
@pytest.mark.parametrize("engine", [None, Engine("bfloat16")])
def test_set_params__fails__estimator_is_as_before(params, message, engine):
    tokenizer = DDRVQTransformer(engine=copy.deepcopy(engine))
    before = state_of(tokenizer)
    with pytest.raises(ValueError, match=message):
        tokenizer.set_params(**params)
    assert state_of(tokenizer) == before


@each_nested
def test_clone__nested_value__is_copied_and_shared_with_nobody(name, value, kind, estimator):
    original = estimator().set_params(**{name: value})
    assert isinstance(held(original, name)[0], kind)
    first, second = clone(original), clone(original)
    holders = [held(owner, name)[0] for owner in (original, first, second)]
    assert len({id(holder) for holder in holders}) == 3
    first.set_params(**{name: None})
    assert held(first, name)[1] is None
    assert held(original, name)[1] == held(second, name)[1] == value


def test_clone__default_never_touched__parts_set_in_one_stay_there():
    original = BrainRVQEmbedder()
    first, second = clone(original), clone(original)
    first.set_params(filters__l_freq=1.0)
    assert second.filters == original.filters == "auto"
    second.set_params(filters__l_freq=2.0)
    assert (first.filters.l_freq, second.filters.l_freq) == (1.0, 2.0)


def test_pipeline__nested_names__reach_the_value():
    pipeline = make_pipeline(BrainRVQEmbedder(), LogisticRegression())
    pipeline.set_params(
        brainrvqembedder__filters__l_freq=1.0, brainrvqembedder__architecture__depth=2
    )
    embedder = clone(pipeline)[0]
    assert embedder.filters.l_freq == 1.0
    assert embedder.architecture.depth == 2


def test_grid_search__nested_names_of_untouched_defaults__each_is_tried():
    tokenizer = DDRVQTransformer(
        architecture="tiny", max_epochs=1, sfreq=200, ch_names=CH_NAMES, random_state=0
    )
    grid = [
        {"architecture__depth": [1, 2], "engine__precision": ["float32"]},
        {"crops__longest": [2], "reading__on_error": ["warn"], "filters__h_freq": [10.0]},
    ]
    X = make_eeg(n_epochs=4, n_times=1000)
    search = GridSearchCV(tokenizer, grid, cv=2, error_score="raise").fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == 3
    assert tokenizer.architecture == "tiny"
    assert tokenizer.filters == "auto"
    assert tokenizer.engine is tokenizer.crops is tokenizer.reading is None


def test_grid_search__pipeline__filters_are_tried_and_kept_apart():
    embedder = tiny("embedder")
    pipeline = make_pipeline(embedder, LogisticRegression())
    grid = {"brainrvqembedder__filters__h_freq": ["auto", 10.0]}
    X = make_eeg(n_times=1000)
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, make_labels())
    assert embedder.filters == "auto"
    first, second = (
        clone(pipeline).set_params(**params).fit(X, make_labels())[0]
        for params in search.cv_results_["params"]
    )
    assert not np.allclose(first.transform(X), second.transform(X))


# Values


@every_value
def test_value__clone_pickle_and_params__the_same_again(value):
    kind = type(value)
    for same in (
        clone(value),
        pickle.loads(pickle.dumps(value)),
        kind(**value.get_params()),
        kind().set_params(**value.get_params()),
    ):
        assert type(same) is kind
        assert same is not value
        assert same.get_params() == value.get_params()
        assert repr(same) == repr(value)


def test_repr__values__what_was_given_only():
    assert repr(Filters()) == "Filters()"
    assert repr(Filters(notch=50)) == "Filters(notch=50)"
    assert repr(Architecture("tiny", depth=1)) == "Architecture(depth=1, preset='tiny')"
    assert repr(Engine()) == "Engine()"
    assert repr(Reading(on_error="skip")) == "Reading(on_error='skip')"
    assert repr(RandomCrops(longest=5)) == "RandomCrops(longest=5)"
    embedder = BrainRVQEmbedder(filters=Filters(notch=50))
    assert repr(embedder) == "BrainRVQEmbedder(filters=Filters(notch=50))"


def slow_drift():
    """Noise with a strong slow wave, which a high-pass removes."""
    drift = 500 * np.sin(2 * np.pi * 0.3 * np.arange(2000) / 200)
    return make_eeg(4, n_times=2000) + drift


@pytest.fixture(scope="module")
def filtered_weights():
    """Weights that were trained on filtered EEG."""
    return fit(tiny("tokenizer", filters=Filters(l_freq=1.0)), slow_drift()).weights_


def embed(weights, **params):
    return tiny("embedder", weights=weights, **params).fit_transform(slow_drift())


def test_filters__nothing_said__the_same_as_auto(filtered_weights):
    automatic = embed(filtered_weights)
    np.testing.assert_array_equal(embed(filtered_weights, filters=Filters()), automatic)
    np.testing.assert_array_equal(embed(filtered_weights, filters=Filters(1.0)), automatic)
    assert not np.allclose(embed(filtered_weights, filters=None), automatic)


def test_filters__all_none__the_same_as_none(filtered_weights):
    nothing = embed(filtered_weights, filters=None)
    all_none = Filters(None, None, None, None)
    np.testing.assert_array_equal(embed(filtered_weights, filters=all_none), nothing)


@pytest.mark.parametrize("name", ["tokenizer", "embedder", "classifier"])
@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"filters": "none"}, InvalidEEGError, r"filters='none' was given; expected 'auto', None"),
        ({"filters": {"l_freq": 1}}, InvalidEEGError, r"filters=\{'l_freq': 1\} was given; .*Filt"),
        ({"filters": True}, InvalidEEGError, r"filters=True was given; expected 'auto', None"),
        ({"architecture": 3}, ValueError, r"architecture=3 was given; expected one of \['base'"),
        ({"architecture": "huge"}, ValueError, r"architecture='huge' was given; expected one of"),
        ({"architecture": {"depth": 1}}, ValueError, r"architecture=\{'depth': 1\} was given; exp"),
        (
            {"reading": {}},
            InvalidEEGError,
            r"reading=\{\} was given; expected sk_brainrvq\.Rea",
        ),
        (
            {"reading": Reading(on_error="ignore")},
            InvalidEEGError,
            r"on_error='ignore' was given; expected one of \('raise', 'warn', 'skip'\)",
        ),
    ],
    ids=str,
)
def test_fit__no_such_value__error_names_what_was_given_and_expected(name, params, error, message):
    with pytest.raises(error, match=message):
        fit(tiny(name, **params), make_eeg())


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "classifier", "regressor"])
@pytest.mark.parametrize("engine", ["fast", {"precision": "float32"}, Engine])
def test_engine__no_engine__error_names_what_was_given_and_expected(name, engine):
    with pytest.raises(ValueError, match=r"engine=.* was given; expected sk_brainrvq\.Engine\("):
        tiny(name, engine=engine).fit(make_eeg(), np.arange(12) % 2)


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer"])
def test_crops__no_crops__error_names_what_was_given_and_expected(name):
    with pytest.raises(ValueError, match=r"crops=5 was given; expected sk_brainrvq\.RandomCrops"):
        tiny(name, crops=5).fit(make_eeg())


# Architecture and weights


@pytest.mark.parametrize("estimator", [BrainRVQEmbedder, BrainRVQClassifier, BrainRVQRegressor])
def test_architecture__preset_beside_the_default_weights__error_names_both(estimator):
    message = (
        r"architecture='base' was given, that is depth=12, but Weights\('small-2026\.12'.*"
        r"has depth=6.*leave architecture at None"
    )
    with pytest.raises(ValueError, match=message):
        estimator(architecture="base", sfreq=200).fit(make_eeg(), np.arange(12) % 2)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("tokenizer", "small", r"architecture='small'.*that is embed_dim=200.*has embed_dim=100"),
        ("tokenizer", "tiny", r"architecture='tiny'.*that is codebook_size=64.*has codebook_size="),
        ("pretrainer", Architecture("tiny", depth=3), r"depth=3 was given, but Wei.*has depth=2"),
        ("embedder", Architecture("base", embed_dim=100), r"'base'.*depth=12, but .*has depth=2"),
        ("classifier", Architecture(depth=1), r"depth=1 was given, but Weights.*has depth=2"),
    ],
)
def test_architecture__conflicts_with_given_weights__error_names_both(name, given, message):
    source = fitted(name if name in ("tokenizer", "pretrainer") else "pretrainer")
    params = {"weights": source.weights_, "architecture": given}
    if name == "pretrainer":
        params["tokenizer"] = source.tokenizer_weights_
    with pytest.raises(ValueError, match=message):
        fit(tiny(name, **params), make_eeg())


@pytest.mark.parametrize(
    "given",
    [
        None,
        "tiny",
        Architecture("tiny"),
        Architecture(embed_dim=100),
        Architecture("tiny", depth=2),
    ],
    ids=repr,
)
def test_architecture__agrees_with_given_weights__is_accepted(given):
    weights = fitted("pretrainer").weights_
    embedder = tiny("embedder", weights=weights, architecture=given).fit(make_eeg())
    np.testing.assert_array_equal(
        embedder.transform(make_eeg()), tiny("embedder", weights=weights).fit_transform(make_eeg())
    )


def test_architecture__sizes_an_embedder_has_not__are_no_conflict():
    weights = fitted("pretrainer").weights_
    one_for_all = Architecture("tiny", codebook_size=99, decoder_depth=7)
    assert tiny("embedder", weights=weights, architecture=one_for_all).fit(make_eeg())


def test_architecture__preset_with_a_given_tokenizer__speaks_of_the_encoder_only():
    # This tokenizer is no "small" one: 100 wide, with 16 codes per level.
    tokenizer = fitted("tokenizer").weights_
    pretrainer = tiny("pretrainer", tokenizer=tokenizer, architecture="small", max_epochs=0)
    config = pretrainer.fit(make_eeg()).weights_.config
    assert (config["encoder"]["embed_dim"], config["encoder"]["depth"]) == (200, 4)
    assert config["codebook_size"] == 16
    single = tiny("pretrainer", tokenizer=tokenizer, architecture=Architecture(codebook_size=99))
    with pytest.raises(ValueError, match=r"codebook_size=99 was given, but .*codebook_size=16"):
        single.fit(make_eeg())
