"""Everything about data and models that can be found wrong before any job starts."""

from stanmix import observations, plan
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
                noticed[name] = observations.notice(observations.read_column(dataset["csv"], dataset["column"]))
            except UserError as error:
                found += error.sentences
    for fit in plan.fits(config):
        if fit.dataset in noticed:
            try:
                specify(fit.model, config["models"][fit.model], fit.components, noticed[fit.dataset])
            except UserError as error:
                found += [f"datasets.{fit.dataset} with {sentence}" for sentence in error.sentences]
    if found:
        raise UserError(*dict.fromkeys(found))
