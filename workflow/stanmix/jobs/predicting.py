"""The job that says of new rows where they belong."""

from collections.abc import Mapping

import pandas as pd

from stanmix.assess import memberships
from stanmix.assess.prediction import predict
from stanmix.base import columns, tables
from stanmix.base.files import read_json, write_csv
from stanmix.data import observations
from stanmix.fits import inference
from stanmix.model.specification import Specification


def predict_rows(inputs: Mapping, outputs: Mapping, source: dict) -> None:
    """Write the memberships of new rows under one fit.

    Parameters
    ----------
    inputs : mapping
        Paths: new (the CSV file), observations, membership, labels, draws and specification.
    outputs : mapping
        Paths: predicted and predicted_html.
    source : dict
        What to read from the CSV file, as keywords of `observations.read_csv`.
    """
    rows = observations.read_csv(inputs["new"], **source)
    specification, trust = Specification.read(inputs["specification"]), read_json(inputs["labels"])
    trusted, names = trust["trusted"], trust["names"]
    fitted = observations.read(inputs["observations"])
    idata = inference.read_draws(inputs["draws"], ("posterior", "constant_data"))
    clusters = pd.read_csv(inputs["membership"], usecols=["cluster"])["cluster"].to_numpy()
    frame = predict(rows, fitted, specification, idata, clusters, names)
    write_csv(outputs["predicted"], frame)
    note = f"Memberships of {len(frame)} new rows, from the same draws as those of the data."
    if specification.by_group:
        note = (
            f"Memberships of {len(rows.groups[0])} new groups, of {len(frame)} rows, from the same draws as those of "
            "the data. All rows of a group have one membership, and the log density is that of the group."
        )
    if not trusted:
        note += " The names of the components cannot be trusted, so nothing that is said by them is shown."
    if len(frame) > memberships.LISTED:
        note += f" The first {memberships.LISTED} are shown; the CSV file has all."
    shown = memberships.with_interval_of_best(frame).head(memberships.LISTED)
    titles, shown = columns.membership(shown, trusted, names), memberships.as_read(shown, names).to_dict("records")
    tables.write_html(outputs["predicted_html"], f"New rows under {specification.model}", note, titles, shown)
