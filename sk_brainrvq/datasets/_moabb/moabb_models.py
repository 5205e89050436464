"""Load models that MOABB saved."""

import pickle
from pathlib import Path
from typing import Any

# Name of the method that MOABB adds to fitted estimators without __sklearn_is_fitted__.
_ADDED = "_sklearn_is_fitted_true"


def load_moabb_model(path: str | Path) -> Any:
    """Load a model that a MOABB evaluation saved with ``save_model=True``.

    MOABB adds a method to fitted estimators that do not define ``__sklearn_is_fitted__``, such as
    scikit-learn's ``LogisticRegression`` and ``GridSearchCV``, so that ``pickle.load`` fails with
    "no attribute '_sklearn_is_fitted_true'". The estimators of this package do define it: a
    pipeline of only these can be loaded with ``pickle.load``.

    Parameters
    ----------
    path : path
        A file ``fitted_model_*.pkl`` below ``Models_CrossSubject`` or a similar folder.
        Unpickling runs code: load only files that you trust.

    Returns
    -------
    estimator
        The fitted estimator, which can be pickled and loaded as usual from now on.

    Examples
    --------
    >>> import pickle, tempfile
    >>> from pathlib import Path
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_brainrvq.datasets import load_moabb_model
    >>> file = Path(tempfile.mkdtemp()) / "fitted_model_0.pkl"
    >>> model = LogisticRegression().fit([[0], [1]], [0, 1])
    >>> _ = file.write_bytes(pickle.dumps(model))
    >>> load_moabb_model(file).predict([[2]])
    array([1])
    """
    with Path(path).open("rb") as file:
        return _Unpickler(file).load()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return _get_attribute if found is getattr else found


def _get_attribute(owner: Any, name: str) -> Any:
    return _is_fitted if name == _ADDED else getattr(owner, name)


def _is_fitted() -> bool:
    return True
