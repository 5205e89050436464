"""Installation commands for optional packages that are missing."""


def how_to_install(extra: str, packages: str) -> str:
    """Two commands that install an extra; this package itself is not on any index.

    Parameters
    ----------
    extra : str
        Name of the extra in ``setup.py``.
    packages : str
        The missing packages, as arguments of pip.

    Returns
    -------
    str
    """
    return f'pip install {packages}, or pip install ".[{extra}]" in a checkout of sk_brainrvq'
