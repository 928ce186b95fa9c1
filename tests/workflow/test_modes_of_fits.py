"""Modes in runs of the whole: searched where there are several components, and told on the page."""

import json


def test_modes_are_searched_checked_and_shown(finished):
    page = (finished / "results/reports/pair.html").read_text()
    for model in ("wrong", "free"):
        folder = finished / f"results/fits/pair/{model}/2"
        found = json.loads((folder / "modes.json").read_text())
        assert found["modes"][0]["gap"] == 0
        assert sum(sum(mode["visits"]) for mode in found["modes"]) == 2 * found["modes"][0]["places"]
        names = [check["name"] for check in json.loads((folder / "checks.json").read_text())["checks"]]
        assert names.count("modes") == names.count("modes_of_chains") == 1
        assert (folder / "modes.svg").stat().st_size > 1000
    assert page.count("Modes of the posterior</h4>") == 2
