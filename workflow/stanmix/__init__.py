"""Bayesian finite-mixture analyses: from a configuration and a data set to a report that checks itself.

In a notebook: ``stanmix.fit(frame, column="y", components=3)``.
"""

import importlib

__version__ = "0.2.0"
__released__ = "2026-11-28"
__all__ = ["Comparison", "Fit", "UserError", "fit"]

# Looked up when they are asked for: a job of the workflow imports the package and needs none of them.
_PLACES = {
    "Comparison": "stanmix.app.notebook",
    "Fit": "stanmix.app.notebook",
    "UserError": "stanmix.base.errors",
    "fit": "stanmix.app.notebook",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'stanmix' has no attribute '{name}'")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
