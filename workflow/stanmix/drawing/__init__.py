"""From tables to figures: read what earlier stages wrote, draw, save as SVG and PNG."""

from stanmix.figures import style


def of_shares(label, per):
    """The label of an axis on which successes of trials that differ are shown as shares, else as it is."""
    if not per:
        return label
    return f"{label}, {'% of trials' if per == 100 else f'of {per:,} trials'}"


def save(figure, outputs, name):
    """Save a figure under the outputs name_svg and name_png."""
    for kind in ("svg", "png"):
        style.save(figure, outputs[f"{name}_{kind}"])
