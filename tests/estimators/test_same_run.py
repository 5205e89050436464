"""Which settings make another run of a ``checkpoint_dir``."""

from tiny import make_eeg, tiny


def fit_in(folder, **params):
    return tiny("tokenizer", checkpoint_dir=folder, **params).fit(make_eeg())


def test_checkpoint_dir__settings_without_effect__are_the_same_run(tmp_path):
    first = fit_in(tmp_path)
    for params in ({"warm_start": True}, {"verbose": 1}, {"device": "auto"}):
        assert fit_in(tmp_path, **params).weights_ == first.weights_
        assert len(list(tmp_path.iterdir())) == 1, params


def test_checkpoint_dir__settings_that_change_the_training__are_runs_of_their_own(tmp_path):
    changes = [{}, {"lr": 1e-4}, {"batch_size": 4}, {"random_state": 1}, {"filters__l_freq": 1}]
    for number, params in enumerate(changes, start=1):
        fit_in(tmp_path, **params)
        assert len(list(tmp_path.iterdir())) == number, params
