"""Everything about data and models that can be found wrong before any job starts."""

from stanmix import noticing, observations, plan
from stanmix.errors import UserError
from stanmix.specification import specify


def check(config):
    """Read the CSV files that a configuration names and make every model concrete for them.

    Parameters
    ----------
    config : dict
        A checked configuration.

    Raises
    ------
    UserError
        With the sentences of all data sets and models. Simulated data do not exist yet and are left out.
    """
    found, noticed = [], {}
    for name in dict.fromkeys(fit.dataset for fit in plan.fits(config)):
        dataset = config["datasets"][name]
        if "csv" in dataset:
            try:
                rows = observations.read_csv(dataset["csv"], **plan.source(dataset))
                noticed[name] = noticing.notice(rows, plan.source(dataset)["columns"])
            except UserError as error:
                found += error.sentences
    for fit in plan.fits(config):
        if fit.dataset in noticed:
            rounding = config["datasets"][fit.dataset].get("rounding")
            try:
                specify(fit.model, config["models"][fit.model], fit.components, noticed[fit.dataset], rounding)
            except UserError as error:
                csv = config["datasets"][fit.dataset]["csv"]
                found += [f"datasets.{fit.dataset} ({csv}) with {sentence}" for sentence in error.sentences]
    if found:
        raise UserError(*dict.fromkeys(found))
