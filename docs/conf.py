"""Configuration of the documentation; nothing here needs the network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from inventories import local_inventories
from sphinx_gallery.sorting import ExplicitOrder

from sk_brainrvq import __version__

project = "sk_brainrvq"
author = "The sk_brainrvq developers"
copyright = "2026, the sk_brainrvq developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "markdown",
    "plots_as_examples",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_ext", "_pictures", "_templates", "gallery/*.ipynb", "gallery/*.py"]
# Every reference in the text must find its target; the docstrings' types are prose.
nitpicky = True
# With -t pages only: their examples run without the API's pages, which take most of the time, and
# without the gallery, whose files another build may be writing.
if tags.has("pages"):  # type: ignore[name-defined]  # noqa: F821
    exclude_patterns += ["api.rst", "api", "gallery"]
    extensions.remove("sphinx_gallery.gen_gallery")
    nitpicky = False
    suppress_warnings = ["toc", "ref.doc", "ref.ref"]

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings give types, with shapes and units
autodoc_member_order = "bysource"
add_module_names = False
toc_object_entries_show_parents = "hide"
# Members stand in the class template, where scikit-learn's own can be left out.
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# Pictures of docstrings and pages: drawn as their examples stand, and only shown as PNG.
plot_include_source = True
plot_html_show_formats = False
plot_html_show_source_link = False
plot_formats = [("png", 100)]
plot_rcparams = {"figure.max_open_warning": 0}
plot_apply_rcparams = True
plot_pre_code = "import numpy as np"

# The gallery: examples/gallery, executed when the site is built.
sphinx_gallery_conf = {
    "examples_dirs": ["../examples/gallery"],
    "gallery_dirs": ["gallery"],
    "within_subsection_order": ExplicitOrder(
        [
            "plot_own_edf.py",
            "plot_cross_validation.py",
            "plot_one_label_per_recording.py",
            "plot_embedding_projection.py",
            "plot_fine_tuning.py",
            "plot_in_real_time.py",
            "plot_what_decided.py",
            "plot_montages.py",
            "plot_codes_of_eeg.py",
            "plot_codewords.py",
            "plot_importance_masks.py",
            "plot_pretraining_history.py",
            "plot_share_a_model.py",
            "plot_attention_maps.py",
            "plot_electrode_matching.py",
            "*",
        ]
    ),
    "backreferences_dir": "api/backreferences",
    "doc_module": ("sk_brainrvq",),
    "capture_repr": ("_repr_html_",),
    "show_signature": False,
    "image_srcset": ["2x"],
    "thumbnail_size": (560, 400),
    "remove_config_comments": True,
    "abort_on_example_error": False,
    "min_reported_time": 0,
    "reset_modules": ("matplotlib", "gallery_settings.reset"),
}

# Names of other projects, from inventories beside this file: nothing is fetched.
intersphinx_mapping = local_inventories()

# Prompts are not copied, and output neither.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

doctest_test_doctest_blocks = "default"
doctest_global_setup = """
import gc, os, warnings, torch
from pathlib import Path
# Real EEG, for the examples on it; they are skipped where it is not at hand.
eegmat_folder = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../shared")) / "data" / "eegmat"
torch.set_num_threads(1)
gc.freeze()  # modules and pages are no garbage of the examples
from sk_brainrvq.exceptions import EEGWarning
warnings.simplefilter("ignore", EEGWarning)
# braindecode asks MNE for a montage by its old name.
warnings.filterwarnings("ignore", "Montage name", FutureWarning)
"""
# What examples plot can be drawn.
doctest_global_cleanup = """
from matplotlib import pyplot
for number in pyplot.get_fignums():
    pyplot.figure(number).canvas.draw()
pyplot.close("all")
"""

# Quotes in the headlines of messages stay as they are printed.
smartquotes_action = "De"

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_title = f"sk_brainrvq {release}"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["sk_brainrvq.css"]
html_copy_source = False
html_show_sourcelink = False
# Pages without pages below them.
html_sidebars = {
    page: []
    for page in (
        *("index", "search", "changelog", "contributing", "house", "stability"),
        *("install", "quickstart", "method", "benchmarks", "faq", "model_card"),
    )
}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {
        "text": "sk_brainrvq",
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
        "alt_text": "Home",
    },
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
