"""Pages that open offline: their look, their plots, and how they are written."""

from keras_wa.evaluate.pages.forest import Forest, Mark, Row, forest
from keras_wa.evaluate.pages.line_plot import LinePlot, Series, thin
from keras_wa.evaluate.pages.rendering import data_uri, render, write_page

__all__ = [
    "Forest",
    "LinePlot",
    "Mark",
    "Row",
    "Series",
    "data_uri",
    "forest",
    "render",
    "thin",
    "write_page",
]
