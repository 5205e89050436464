"""Turn failures on the Hugging Face Hub into messages that say what to do."""

from pathlib import Path
from textwrap import shorten
from typing import Any

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.extras import how_to_install
from sk_brainrvq.weights.checkpoint_header import TENSOR_FILE
from sk_brainrvq.weights.hub.hub_address import HubAddress

_LOGIN = "log in with `hf auth login`, or set HF_TOKEN to a token"
# Too many requests, and status codes of servers and gateways that are down.
_DOWN = (408, 429, 500, 502, 503, 504)


def hub_library() -> Any:
    """Import huggingface_hub, or raise an ImportError that says how to install it."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise ImportError(
            "The Hugging Face Hub needs huggingface_hub, which is not installed: "
            f"{how_to_install('hub', 'huggingface_hub')}."
        ) from error
    return huggingface_hub


def page_of(address: HubAddress) -> str:
    """Return the web page of a repository on the configured Hub."""
    return f"{hub_library().constants.ENDPOINT}/{address.repository}"


def _network_errors() -> tuple[type[BaseException], ...]:
    # huggingface_hub has changed its HTTP library twice; its error derives from that library's.
    return (OSError, *hub_library().errors.HfHubHTTPError.__bases__)


def is_offline(error: BaseException) -> bool:
    """Whether HF_HUB_OFFLINE forbids network access."""
    return isinstance(error, hub_library().errors.OfflineModeIsEnabled)


def is_unreachable(error: BaseException) -> bool:
    """Whether the Hub could not be reached, so that the cache is the next best."""
    if isinstance(error, hub_library().errors.HfHubHTTPError):
        return _status(error) in _DOWN
    return isinstance(error, _network_errors())


def unreachable(error: BaseException, address: HubAddress) -> CheckpointError:
    """Explain that the Hub is unreachable and that the cache does not have the model."""
    folder = Path(hub_library().constants.HF_HUB_CACHE)
    folder /= f"models--{address.owner}--{address.name}"
    why = "HF_HUB_OFFLINE is set"
    if not is_offline(error):
        why = f"{hub_library().constants.ENDPOINT} cannot be reached ({first_line(error)})"
    where = f"/tree/{address.revision or 'main'}"
    return CheckpointError(
        f"{address} is not in the cache, and {why}. On a machine with a network, get {TENSOR_FILE} "
        f"from {page_of(address)}{where}, copy it into a folder here, and pass that folder instead "
        f"of the address; or copy {folder} from a machine that has loaded the model."
    )


def refused(error: BaseException, address: HubAddress) -> CheckpointError | None:
    """Explain why the Hub does not serve a model to this user; None for any other error."""
    errors, page = hub_library().errors, page_of(address)
    if isinstance(error, errors.GatedRepoError):
        return CheckpointError(
            f"{address} is gated: its authors ask who uses it. Agree to their terms on {page}, and "
            f"{_LOGIN} of that account."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return CheckpointError(
            f"{address.repository} has no branch, tag or commit {address.revision!r}; they are "
            f"listed on {page}/tree/main. 'hf://{address.repository}' is the newest."
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return CheckpointError(
            f"There is no model {address.repository!r} on {hub_library().constants.ENDPOINT} that "
            f"you may read. Check the spelling; if it is private, {_LOGIN} of an account that may."
        )
    if isinstance(error, errors.HfHubHTTPError) and _status(error) in (401, 403):
        return CheckpointError(
            f"You may not read {address} ({first_line(error)}): {_LOGIN} of an account that may."
        )
    if isinstance(error, errors.HfHubHTTPError):
        return CheckpointError(f"{address} cannot be read from the Hub: {first_line(error)}")
    return None


def broken_off(error: BaseException, file: str, address: HubAddress) -> CheckpointError | None:
    """Explain that a download is incomplete; None for any other error."""
    if not isinstance(error, _network_errors()):
        return None
    return CheckpointError(
        f"{file} of {address} was not downloaded completely: {first_line(error)} Load it again. If "
        f"that fails too, get the file from {page_of(address)}, and pass the folder that holds it "
        "instead of the address."
    )


def not_uploaded(error: BaseException, address: HubAddress) -> CheckpointError | None:
    """Explain why the Hub refuses an upload by this user; None for any other error."""
    errors = hub_library().errors
    status = _status(error) if isinstance(error, errors.HfHubHTTPError) else None
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403):
        return CheckpointError(
            f"You may not write to {address.repository!r} ({first_line(error)}): {_LOGIN} with "
            f"write access, of {address.owner!r} or of a member."
        )
    if isinstance(error, (RuntimeError, ValueError, *_network_errors())):
        return CheckpointError(
            f"Nothing was published as {address.repository!r}: {first_line(error)} "
            "save_pretrained, or Weights.save, keeps the model on disk until it works."
        )
    return None


def _status(error: Any) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def first_line(error: BaseException) -> str:
    """Return the beginning of an error message, as a sentence."""
    lines = [line.strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith("For more information")]
    text = shorten(" ".join(lines[:2]), 400, placeholder=" ...") or type(error).__name__
    return text if text.endswith(".") else f"{text}."
