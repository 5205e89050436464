"""In the doctest builder, plots of pages are examples among the others, and run once.

Matplotlib's directive would run them a second time. Those of docstrings are run by pytest.
"""

from docutils import nodes
from matplotlib.sphinxext.plot_directive import PlotDirective
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


class PlotAsExamples(PlotDirective):
    """What stands under the directive, to be run by doctest; a script is drawn as ever."""

    def run(self) -> list[nodes.Node]:
        if not self.content:
            return super().run()
        code = "\n".join(self.content)
        block = nodes.doctest_block(code, code, language="pycon")
        block.source, block.line = self.state_machine.get_source_and_line(self.content_offset + 1)
        return [block]


def _replace_directive(app: Sphinx) -> None:
    if app.builder.name == "doctest":
        app.add_directive("plot", PlotAsExamples, override=True)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("builder-inited", _replace_directive)
    return {"parallel_read_safe": True}
