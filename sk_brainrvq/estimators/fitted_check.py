"""Check that an estimator is fitted, with an error that says what to do if it is not."""

from typing import Any

from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted


def check_fitted(estimator: Any) -> None:
    """Raise NotFittedError, which says what ``fit`` will do, unless an estimator is fitted.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package or of another one.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted: ``weights=`` is not enough. If ``fit`` trains nothing, the message says
        so.
    """
    if type(estimator).__module__.split(".")[0] != __name__.split(".")[0]:
        check_is_fitted(estimator)
    else:
        check_is_fitted(estimator, msg=_what_to_do(estimator))


def _what_to_do(estimator: Any) -> str:
    fit = "fit(X, y)" if get_tags(estimator).target_tags.required else "fit(X)"
    message = f"This %(name)s instance is not fitted yet: call {fit} first"
    if hasattr(estimator, "from_pretrained"):
        message += ", or load a fitted one with %(name)s.from_pretrained(folder)"
    return f"{message}.{_what_fit_does(estimator)}"


def _what_fit_does(estimator: Any) -> str:
    """Explain ``fit`` if weights make it look unnecessary."""
    params = estimator.get_params(deep=False)
    if "weights" not in params:
        return ""
    epochs = params.get("max_epochs", 0)
    if not epochs and (params["weights"] is not None or "max_epochs" not in params):
        given = "With weights=... and no max_epochs," if "max_epochs" in params else "Here,"
        return (
            f" {given} fit trains nothing and is quick: it loads the network and learns the "
            "channels of X. Any EEG with these channels will do."
        )
    if params["weights"] is not None:
        return " weights=... only sets where training starts."
    return ""
