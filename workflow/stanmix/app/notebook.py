"""stanmix in a notebook: a data frame in, a fit out, by the functions that the jobs of the workflow call."""

import contextlib
import difflib
import shutil
import tempfile
import weakref
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import arviz as az
import pandas as pd
import yaml
from matplotlib.figure import Figure

from stanmix.base.columns import TEXT
from stanmix.base.errors import UserError
from stanmix.base.files import content_of, read_json, write_json, write_text
from stanmix.base.places import STAN
from stanmix.base.seeds import seed_for
from stanmix.compare.comparison import compare
from stanmix.config import configuration, plan
from stanmix.config.schema import schema
from stanmix.data import noticing, observations
from stanmix.families.family import CONTINUOUS
from stanmix.fits.fitting import fit as sample
from stanmix.fits.inference import read_draws
from stanmix.jobs import precheck
from stanmix.jobs.artifacts import ASSESSED, DATA, FIT, MODES, SAMPLED, below
from stanmix.jobs.assessing import assess_fit
from stanmix.jobs.description import describe
from stanmix.jobs.drawing.comparison import figures_of_comparison
from stanmix.jobs.drawing.fit import bands_of_fit, figures_of_fit
from stanmix.jobs.drawing.groups import groups_of_fit, table_of_groups
from stanmix.jobs.drawing.modes import modes_of_fit
from stanmix.jobs.predicting import predict_rows
from stanmix.model.specification import Specification
from stanmix.stan import cmdstan, toolchain

FILE = "data.csv"
WRITTEN = "# Written by stanmix.fit; `stanmix run` in this folder makes the report.\n"
OF_FRAME = (
    "csv",
    "sheet",
    "simulate",
    "predict",
    "header",
    "worksheet",
    "predict_worksheet",
)  # keys of a data set that are about files
TABLES = {"summary_html": "summary.html", "membership_html": "membership.html", "cutoffs_html": "cutoffs.html"}


def fit(
    frame: pd.DataFrame,
    column: str | None = None,
    *,
    components: int,
    family: str = "normal",
    names: list[str] | None = None,
    seed: int = 1,
    sampling: dict | None = None,
    folder: str | Path | None = None,
    name: str = "data",
    model: str = "model",
    say: Callable[[str], object] = lambda text: None,
    **options: object,
) -> "Fit":
    """Fit a mixture to columns of a data frame, as the workflow fits it to those of a CSV file.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row for each observation. The index is not used.
    column : str, optional
        The column of the observations; or give ``columns``.
    components : int
        How many components.
    family : str
        The family of the components.
    names : list of str, optional
        What the components are called, from the first to the last.
    seed : int
        The seed of the run, from which all others derive.
    sampling : dict, optional
        What differs from the defaults: chains, warmup, draws, ...
    folder : path-like, optional
        Where the analysis is kept: new, empty, or written by an earlier call. A temporary one if not given, which goes
        with the fit.
    name, model : str
        What the data set and the model are called.
    say : callable
        Told about progress.
    **options
        Every other key that the configuration knows for a data set or a model (config/README.md): columns, group,
        trials, exposure, weights, known, id, missing, rounding, label; priors, fixed, share, labels, ...

    Returns
    -------
    Fit

    Raises
    ------
    UserError
        With a sentence for everything that is wrong: of the configuration, the data, or CmdStan.

    Examples
    --------
    >>> import numpy as np, pandas as pd, stanmix
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"length": np.concatenate([rng.normal(9, 2, 60), rng.normal(21, 2, 40)])})
    >>> found = stanmix.fit(frame, column="length", components=2, sampling={"warmup": 300, "draws": 300})
    >>> found.labels_trusted
    True
    >>> found.summary.query("parameter == 'mu'")["mean"].round().tolist()
    [9.0, 21.0]
    >>> found.predict(pd.DataFrame({"length": [12.0]}))["component"].tolist()
    [1]
    """
    config = _config(column, components, family, names, seed, sampling, name, model, options)
    temporary = folder is None
    folder = Path(tempfile.mkdtemp(prefix="stanmix-") if temporary else folder).absolute()
    try:
        _settle(folder)
        frame.to_csv(folder / FILE, index=False)
        written = WRITTEN + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        write_text(folder / "config" / "config.yaml", written)
        config["datasets"][name]["csv"] = str(folder / FILE)
        checked = configuration.checked(config, file="stanmix.fit")
        precheck.check(checked)
        made = Fit(folder, checked, plan.fits(checked)[0])
        with open(folder / "log.txt", "w", encoding="utf-8") as log, contextlib.redirect_stdout(log):
            made._make(say)  # CmdStan says a lot
    except BaseException:
        if temporary:
            shutil.rmtree(folder)
        raise
    if temporary:  # the folder lives as long as the fit
        weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
    return made


def _config(column, components, family, names, seed, sampling, name, model, options):
    """The configuration that the arguments of `fit` stand for."""
    known = schema()["properties"]
    of_data = {key for key in known["datasets"]["additionalProperties"]["properties"] if key not in OF_FRAME}
    of_model = set(known["models"]["additionalProperties"]["properties"])
    wrong = []
    for key in options:
        if key not in of_data | of_model:
            close = difflib.get_close_matches(key, sorted(of_data | of_model), n=1)
            meant = f"; did you mean '{close[0]}'?" if close else "."
            wrong.append(f"stanmix.fit: there is no option '{key}'{meant}")
    if wrong:
        raise UserError(*wrong)
    data = {"csv": FILE} | ({} if column is None else {"column": column})
    data |= {key: value for key, value in options.items() if key in of_data}
    of_model = {"family": family} | {key: value for key, value in options.items() if key in of_model}
    return {
        "seed": seed,
        "sampling": sampling or {},
        "datasets": {name: data},
        "models": {model: of_model},
        "analyses": [
            {"dataset": name, "models": [model], "components": components} | ({} if names is None else {"names": names})
        ],
    }


def _settle(folder):
    """Make the folder of an analysis; what others keep in it is not touched."""
    there = folder / "config" / "config.yaml"
    ours = there.exists() and there.read_text(encoding="utf-8").startswith(WRITTEN)
    if folder.exists() and any(folder.iterdir()) and not ours:
        raise UserError(f"{folder}: there are files that stanmix.fit did not write; name a new folder.")
    (folder / "config").mkdir(parents=True, exist_ok=True)


class Fit:
    """One fit of one model to one data set, and what the assessment says of it.

    Attributes
    ----------
    folder : pathlib.Path
        Where everything is, laid out as in a run of the workflow.
    dataset, model : str
    components : int
    """

    def __init__(self, folder: Path, config: dict, asked: plan.Fit) -> None:
        self.folder, self.config = folder, config
        self.dataset, self.model, self.components = asked.dataset, asked.model, asked.components

    def __repr__(self) -> str:
        return f"<stanmix.Fit of {self.model}, {self.components} components, to {self.dataset}: {self.status}>"

    @cached_property
    def idata(self) -> az.InferenceData:
        """The draws, with prior, log likelihood and replicated data where they are kept (arviz.InferenceData)."""
        return read_draws(self._paths["draws"])

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row for each parameter: mean, sd, 95% HDI, MCSE, ESS and R-hat."""
        return pd.read_csv(self._paths["summary"], **TEXT)

    @cached_property
    def checks(self) -> pd.DataFrame:
        """A row for each check: name, status ("pass", "warn" or "fail"), its sentence and what to do."""
        return pd.DataFrame(read_json(self._paths["checks"])["checks"])

    @property
    def status(self) -> str:
        """The worst of its checks: "pass", "warn" or "fail"."""
        return read_json(self._paths["checks"])["status"]

    @property
    def labels_trusted(self) -> bool:
        """Whether the names of the components can be trusted, and so what is said of single components."""
        return read_json(self._paths["labels"])["trusted"]

    @cached_property
    def memberships(self) -> pd.DataFrame:
        """A row for each observation: the probability of each component with its interval."""
        return pd.read_csv(self._paths["membership"], **TEXT)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """A row for each group of rows: how many, their mean, and the membership that they have together."""
        if not self._by_group:
            raise UserError("There are no groups with one membership; say group=... (and not membership='row').")
        return table_of_groups(self._paths)

    @cached_property
    def cutoffs(self) -> pd.DataFrame:
        """Where one component gives way to another, with intervals; no rows where nothing can be cut."""
        return pd.read_csv(self._paths["cutoffs"], **TEXT)

    @cached_property
    def loo(self) -> dict:
        """What leave-one-out says: elpd, se, p_loo and the rest."""
        return read_json(self._paths["loo"])

    @cached_property
    def specification(self) -> Specification:
        """The model made concrete: priors with their numbers, starting values, seeds and versions."""
        return Specification.read(self._paths["specification"])

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """All figures of the fit by their names."""
        paths, label = self._paths, plan.label(self.config["datasets"][self.dataset])
        made = figures_of_fit(paths, label)
        if self._kind == CONTINUOUS:
            made |= bands_of_fit(paths, label)
        made |= groups_of_fit(paths, label) if self._by_group else {}
        return made | (modes_of_fit(paths, label) if self.components > 1 else {})

    def plot(self, name: str) -> Figure:
        """One of the figures.

        Parameters
        ----------
        name : str
            density, membership, traces, ecdf, ...; `figures` has them all.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        UserError
            If there is no figure of that name.
        """
        if name not in self.figures:
            raise UserError(f"There is no figure '{name}' of this fit; there are {', '.join(self.figures)}.")
        return self.figures[name]

    def plot_density(self) -> Figure:
        """The data beside the posterior density, its components and their bands."""
        return self.plot("density")

    def plot_membership(self) -> Figure:
        """Which component each observation most likely comes from."""
        return self.plot("membership")

    def plot_traces(self) -> Figure:
        """Whether the chains agree."""
        return self.plot("traces")

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Memberships of new rows; nothing is sampled.

        Parameters
        ----------
        frame : pandas.DataFrame
            New rows with the columns of the data.

        Returns
        -------
        pandas.DataFrame
            As `memberships`, with the logarithm of each row's predictive density.
        """
        with tempfile.TemporaryDirectory() as place:
            new = Path(place) / "new.csv"
            frame.to_csv(new, index=False)
            outputs = {"predicted": Path(place) / "predicted.csv", "predicted_html": Path(place) / "predicted.html"}
            source = plan.source_of_new(self.config["datasets"][self.dataset])
            predict_rows(self._paths | {"new": new}, outputs, source=source)
            return pd.read_csv(outputs["predicted"], **TEXT)

    def compare(self, *others: "Fit") -> "Comparison":
        """This fit beside others of the same observations.

        Parameters
        ----------
        *others : Fit

        Returns
        -------
        Comparison

        Raises
        ------
        UserError
            If the observations are not the same.
        """
        return Comparison([self, *others])

    @property
    def _by_group(self):
        return self.specification.by_group

    @property
    def _kind(self):
        return plan.family(self.config["models"][self.model]).kind

    @property
    def _paths(self):
        """Every file of the data set and the fit by its name."""
        about = {"dataset": self.dataset, "model": self.model, "components": self.components}
        fit, data = FIT.format(**about), DATA.format(**about)
        paths = below(fit, SAMPLED | ASSESSED | TABLES)
        paths |= below(fit, MODES) if self.components > 1 else {}
        paths |= {"observations": f"{data}/observations.csv", "noticed": f"{data}/noticed.json"}
        paths |= {"dataset_density": f"{data}/density.csv", "facts": f"{data}/density.json"}
        program = plan.program(self.config["models"][self.model])
        paths |= {"toolchain": "results/programs/toolchain.json", "executable": f"results/programs/{program}/{program}"}
        paths |= {"program": f"results/programs/{program}/program.json"}
        return {name: self.folder / path for name, path in paths.items()}

    def _make(self, say):
        """What the jobs of the workflow do for one fit, in their order and with their seeds."""
        data, model = self.config["datasets"][self.dataset], self.config["models"][self.model]
        sampling = self.config["sampling"]
        paths, place = self._paths, (self.dataset, self.model, self.components)
        source = plan.source(data, plan.groups(self.config, self.dataset))
        rows = observations.read_csv(data["csv"], **source)
        observations.write(rows, paths["observations"])
        write_json(paths["noticed"], noticing.notice(rows, source["columns"]))
        density = {"density": paths["dataset_density"], "facts": paths["facts"]}
        describe(paths, density, kind=self._kind, axis=data["axis"])
        record = toolchain.describe(toolchain.ensure(say))
        write_json(paths["toolchain"], record)
        paths["executable"].parent.mkdir(parents=True, exist_ok=True)
        program = plan.program(model)
        cmdstan.compile_program(program, STAN, sampling["kernel"], record, paths["executable"], paths["program"], say)
        sample(
            paths,
            paths,
            name=self.model,
            model=model,
            components=self.components,
            rounding=data.get("rounding"),
            sampling=sampling,
            seed=seed_for(self.config["seed"], "fit", *place),
            say=say,
        )
        seed = seed_for(self.config["seed"], "assess", *place)
        names = plan.names(self.config, self.dataset, self.components)
        about = {"axis": data["axis"], "levels": data["cutoffs"], "names": names}
        assess_fit(paths, paths, model=model, seed=seed, **about, say=say)


class Comparison:
    """Fits of the same observations side by side.

    Attributes
    ----------
    table : pandas.DataFrame
        A row for each fit, the best first: expected log predictive density, its difference from the best and errors.
    sentence : str
        What the comparison says.
    numbers : list of dict
        Of every model with several numbers of components: the verdict on that number.
    figures : dict of matplotlib.figure.Figure
        comparison, estimates and numbers.
    """

    def __init__(self, fits: list[Fit]) -> None:
        contents = {content_of(fit._paths["observations"]) for fit in fits}
        if len(contents) > 1:
            raise UserError("These fits are not of the same observations, so they cannot be compared.")
        titles = plan.titles([plan.Fit(fit.dataset, fit.model, fit.components) for fit in fits])
        if len(titles) < len(fits):
            raise UserError(
                "Two of these fits have the same data set, model and number of components; give stanmix.fit another "
                "model= name for one of them."
            )
        about = [
            {"title": title, "model": fit.model, "components": fit.components}
            for fit, title in zip(fits, titles.values(), strict=True)
        ]
        given = {entry["title"]: entry | fit._paths for entry, fit in zip(about, fits, strict=True)}
        first = fits[0]
        with tempfile.TemporaryDirectory() as place:
            files = {"comparison": "comparison.csv", "comparison_html": "comparison.html", "estimates": "estimates.csv"}
            files |= {"comparison_json": "comparison.json", "numbers": "numbers.json", "choice": "choice.json"}
            outputs = {name: Path(place) / file for name, file in files.items()}
            compare(given, outputs)
            self.table = pd.read_csv(outputs["comparison"])
            self.sentence = read_json(outputs["comparison_json"])["sentence"]
            self.numbers = read_json(outputs["numbers"])
            inputs = outputs | {"observations": first._paths["observations"]}
            inputs |= {"densities": [fit._paths["density"] for fit in fits]}
            label = plan.label(first.config["datasets"][first.dataset])
            self.figures = figures_of_comparison(inputs, about, first._kind, label)

    def __repr__(self) -> str:
        return f"<stanmix.Comparison: {self.sentence}>"
