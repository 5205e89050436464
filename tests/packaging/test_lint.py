"""What runs before each commit is what `make lint` runs, and proselint; nothing is fetched."""

import re

import yaml
from package_files import ROOT

CHECKOUT = ROOT.parent


def test_hooks__each__local_and_part_of_make_lint_or_of_style():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (CHECKOUT / "Makefile").read_text(), re.M)[1]
    linted = {
        line.replace(" --check", "").removesuffix(" .").strip() for line in recipe.splitlines()
    }
    repositories = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"]
    assert {repository["repo"] for repository in repositories} == {"local"}
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["entry"].replace(".venv/bin", "$(BIN)") for hook in hooks} == {
        *linted,
        "$(BIN)/proselint check",
    }
