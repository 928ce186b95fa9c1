"""Bayesian finite-mixture analyses: from a configuration and a data set to a report that checks itself."""

__version__ = "0.2.0"
__released__ = "2026-11-28"
