"""Everything about data and models that can be found wrong before any job starts."""

from stanmix import noticing, observations, plan, prediction
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
        found += _faults_of_new(config, name)
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


def _faults_of_new(config, name):
    """What is wrong with the new rows of a data set, for any of its models (list of str)."""
    dataset = config["datasets"][name]
    if "predict" not in dataset:
        return []
    source = plan.source_of_new(dataset)
    try:
        rows = observations.read_csv(dataset["predict"], **source)
    except UserError as error:
        return list(error.sentences)
    families = {fit.model: plan.family(config["models"][fit.model]) for fit in plan.fits(config) if fit.dataset == name}
    return [
        f"{dataset['predict']}, {fault}"
        for model, family in families.items()
        for fault in prediction.faults(rows, source["columns"][0], model, family)
    ]
