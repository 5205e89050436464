"""What to type where an optional package is missing."""


def how_to_install(extra: str, packages: str) -> str:
    """The two commands that bring an extra: this package itself is on no index.

    Parameters
    ----------
    extra : str
        Its name in ``setup.py``.
    packages : str
        What it brings that is missing, as pip takes it.

    Returns
    -------
    str
    """
    return f'pip install {packages}, or pip install ".[{extra}]" in a checkout of sk_brainrvq'
