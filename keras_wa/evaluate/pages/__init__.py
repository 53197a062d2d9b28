"""HTML pages that open offline: style, plots and rendering."""

from keras_wa.evaluate.pages.plots import ForestPlot, LinePlot, Points, Row, thin
from keras_wa.evaluate.pages.rendering import data_uri, render, write_page
from keras_wa.evaluate.pages.svg import style, to_png, to_svg

__all__ = [
    "ForestPlot",
    "LinePlot",
    "Points",
    "Row",
    "data_uri",
    "render",
    "style",
    "thin",
    "to_png",
    "to_svg",
    "write_page",
]
