"""From tables to figures: read what earlier stages wrote, draw, save as SVG and PNG."""

from stanmix.figures import style


def save(figure, outputs, name):
    """Save a figure under the outputs name_svg and name_png."""
    for kind in ("svg", "png"):
        style.save(figure, outputs[f"{name}_{kind}"])
