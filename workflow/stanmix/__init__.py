"""Bayesian finite-mixture analyses: from a configuration and a data set to a report that checks itself."""
