"""What a fit says, for the first screen: a sentence, a picture and a table, by kinds of data."""

from dataclasses import dataclass

from markupsafe import Markup

from stanmix.assess import checks
from stanmix.base import columns
from stanmix.base.text import shielded
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE
from stanmix.model.specification import Specification
from stanmix.report import words
from stanmix.report.evidence import Artifact

MOST_COLUMNS = 3  # that a sentence names for each component: of more those that tell the components apart best


@dataclass(frozen=True)
class Found:
    """The artifacts of one fit, as an answer wants them.

    Attributes
    ----------
    artifacts : dict of Artifact
        specification, summary, centres, label_free, labels, memberships, cutoffs and checks.
    label : str
        What the values are, with their unit.
    exposure : str
        The column with the exposure, if there is one.
    spreads : dict of float
        The standard deviation of each column of the data, where there are several.
    """

    artifacts: dict[str, Artifact]
    label: str
    exposure: str
    spreads: dict[str, float]

    def __getitem__(self, name):
        return self.artifacts[name]

    @property
    def specification(self):
        return Specification.of(self["specification"].content)

    @property
    def components(self):
        return self.specification.components

    @property
    def by_group(self):
        return self.specification.by_group

    @property
    def things(self):
        return "groups" if self.by_group else "observations"

    @property
    def scales(self):
        """What the model sees in the place of the values, by column (dict of str); empty without a transformation."""
        texts = self.specification.transform or []
        return dict(zip(self.specification.columns or [""], texts, strict=False))

    def failed(self, *names):
        """The checks of these names that fail, with their places (list of tuple)."""
        return [
            (number, check)
            for number, check in enumerate(self["checks"].content["checks"])
            if check["status"] == checks.FAIL and (not names or check["name"] in names)
        ]

    def called(self, component):
        """What a component is called, from 0."""
        return columns.called(str(component + 1), self["labels"].value("names"))

    def entries(self, *slots):
        """The parameters of these slots with their places in the specification (list of tuple)."""
        return [
            (number, entry)
            for number, entry in enumerate(self.specification.parameters)
            if entry.slot in slots
        ]  # fmt: skip

    def quantity(self, entry, short=False):
        """What a parameter is in words, and its unit."""
        return words.quantity(entry, self.label, self.scales, self.exposure, short)

    def estimate(self, table, key, unit="", percent=False):
        """A mean with its interval, from a line of a table of estimates."""
        table = self[table]
        sd = float(table.value(key, "sd"))
        mean, lower, upper = (
            table.number(key, name, sd=sd, percent=percent) for name in ("mean", "hdi_lower", "hdi_upper")
        )
        return Markup("{}{} ({} to {})").format(mean, f" {unit}" if unit else "", lower, upper)

    def parameter(self, number, entry, component=None):
        """The value of a parameter: its estimate, or what it is fixed at."""
        _, unit = self.quantity(entry)
        if entry.value is not None and entry.value[component or 0] is not None:
            value = self["specification"].number("parameters", number, "value", component or 0)
            return Markup("{}{} (fixed)").format(value, f" {unit}" if unit else "")
        wanted = {"parameter": entry.name, "component": "" if component is None else str(component + 1)}
        wanted |= {"column": shielded(entry.column)} if entry.column else {}
        (key,) = self["summary"].lines(**wanted)
        return self.estimate("summary", key, unit)

    def weight(self, component):
        """The share of a component with its interval, or what it is fixed at."""
        if self.specification.weights.fixed:
            share = self["specification"].number("weights", "value", component, percent=True)
            return Markup("{} (fixed)").format(share)
        (key,) = self["summary"].lines(parameter="theta", component=str(component + 1))
        return self.estimate("summary", key, percent=True)


class Kind:
    """What is said of a fit of any kind of data; a kind says what a component is like in its own way."""

    def picture(self, found):
        """The name of the figure to look at first."""
        return "density" if found["labels"].value("whole") else "modes_figure"

    def sentences(self, found):
        """What was found, in plain words (list of markupsafe.Markup), each number with its place."""
        unsampled = found.failed(*checks.SAMPLING)
        if unsampled:
            return [Markup("<strong>No answer yet:</strong> the draws cannot be relied on. {}").format(
                Markup(" ").join(found["checks"].text("checks", number, "sentence") for number, _ in unsampled)
            )]  # fmt: skip
        if not found["labels"].value("whole"):
            missed = [found["checks"].text("checks", number, "sentence") for number, _ in found.failed(*checks.MODES)]
            return [
                Markup(
                    "<strong>No answer yet:</strong> the chains did not see the whole posterior, so that estimates "
                    "would be those of some modes only. {}"
                ).format(Markup(" ").join(missed))
            ]
        if not found["labels"].value("trusted"):
            return self.without_names(found)
        return self.with_names(found)

    def with_names(self, found):
        """The components one by one, how many are expected in the wrong one, and the cut-off."""
        count = found.components
        if count == 1:
            said = [Markup("One component describes all {}, with {}.").format(found.things, self.of_one(found, 0))]
        else:
            parts = [
                Markup("{} holds {}{} and has {}").format(
                    found.called(k),
                    found.weight(k),
                    f" of the {self.shared_out(found)}" if k == 0 else "",
                    self.of_one(found, k),
                )
                for k in range(count)
            ]
            said = [Markup("{} components: {}.").format(words.counted(count), Markup("; ").join(parts))]
        said += self.of_all(found)
        if count > 1:
            wrong = found["memberships"].number("expected_misclassification", percent=True)
            said.append(
                Markup(
                    "If the model holds, the most probable component is expected to be the wrong one for {} of the {}."
                ).format(wrong, found.things)
            )
            if found["cutoffs"].content:
                said.append(found["memberships"].text("cutoffs", 0))
        return said

    def shared_out(self, found):
        """What the weights are shares of."""
        return found.things

    def of_one(self, found, component):
        """What a component is like (markupsafe.Markup): its locations, and the scale where each has its own."""
        parts = []
        for number, entry in self.told(found):
            name, _ = found.quantity(entry, short=component > 0 or bool(parts))
            parts.append(Markup("a {} of {}").format(name, self.place(found, number, entry, component)))
        return words.listed(parts, Markup(", "))

    def told(self, found):
        """The parameters that a sentence names for each component (list of tuple: place, entry)."""
        own = [
            each for each in found.entries("scale", "sigma") if each[1].own or each[1].partly or found.components == 1
        ]
        return [*found.entries("location", "mu"), *own]

    def place(self, found, number, entry, component):
        shared = entry.mode == "shared"
        return found.parameter(number, entry, None if shared else component)

    def of_all(self, found):
        """What all components have in common (list of markupsafe.Markup)."""
        said = []
        for number, entry in found.entries("scale", "sigma", "shape"):
            if entry.mode in ("shared", "fixed") and found.components > 1:
                name, _ = found.quantity(entry, short=True)
                value = found.parameter(number, entry, 0 if entry.fixed else None)
                said.append(Markup("The {} within each component is {}.").format(name, value))
        return said

    def without_names(self, found):
        """What can be said where the names of components mean nothing, and why they do."""
        why = [found["checks"].text("checks", number, "sentence") for number, _ in found.failed(*checks.LABELS)]
        said = [
            Markup("<strong>Nothing can be said of single components</strong>, because their names mean nothing: {}")
            .format(Markup(" ").join(why))
        ]  # fmt: skip
        clusters = found["memberships"].content["clusters"]
        if len(clusters) > 1:
            parts = [self.of_cluster(found, number) for number in range(len(clusters))]
            said.append(
                Markup("What can be said without names: the observations fall into {} clusters, {}.").format(
                    words.counted(len(clusters)).lower(), words.listed(parts, Markup(", "))
                )
            )
        whole = []
        for key, row in found["label_free"].content.items():
            if row["title"].startswith(("mixture mean", "mixture sd")):
                name = row["title"].replace("mixture mean", "mean").replace("mixture sd", "standard deviation")
                whole.append(Markup("a {} of {}").format(name, found.estimate("label_free", key)))
        if whole:
            said.append(Markup("The mixture as a whole has {}.").format(words.listed(whole, Markup(", "))))
        return said

    def of_cluster(self, found, number):
        """How large a cluster is and what it looks like."""
        told = found["memberships"]
        size = told.number("clusters", number, "size")
        entry = told.value("clusters", number)
        if "minimum" not in entry:
            means = [
                Markup("mean {} {}").format(key.removeprefix(columns.VALUE), told.number("clusters", number, key))
                for key in list(entry)
                if key.startswith(columns.VALUE)
            ]
            return Markup("one of {} ({})").format(size, Markup(", ").join(means[:MOST_COLUMNS]))
        lower, upper = (told.number("clusters", number, key) for key in ("minimum", "maximum"))
        return Markup("one of {} from {} to {}").format(size, lower, upper)


class Continuous(Kind):
    """One column of continuous values: a mean, or the centre on the scale of the data, and a spread."""

    def place(self, found, number, entry, component):
        value = super().place(found, number, entry, component)
        if entry.slot == "location" and found["centres"].content:
            (key,) = found["centres"].lines(component=str(component + 1))
            _, unit = words.split(found.label)
            value = Markup("{}, which is {}").format(value, found.estimate("centres", key, unit))
            value += Markup(" as a value of the data")
        return value


class Whole(Kind):
    """Counts, or successes of trials: a rate or a probability, and perhaps extra zeros."""

    def shared_out(self, found):
        return "observations that are no extra zeros" if found.entries("zero") else found.things

    def of_all(self, found):
        said = super().of_all(found)
        for number, entry in found.entries("zero"):
            if entry.fixed:
                share = found["specification"].number("parameters", number, "value", 0, percent=True)
            else:
                (key,) = found["summary"].lines(parameter=entry.name)
                share = found.estimate("summary", key, percent=True)
            said.insert(
                0, Markup("Extra zeros, which belong to no component, are {} of the observations.").format(share)
            )
        return said


class Multivariate(Kind):
    """Several columns: the mean of each, or of those that tell the components apart best."""

    def told(self, found):
        located = found.entries("location", "mu")
        if len(located) <= MOST_COLUMNS:
            return located
        return sorted(located, key=lambda each: -self.apart(found, *each))[:MOST_COLUMNS]

    def apart(self, found, number, entry):
        """How far apart the components lie in a column, in its standard deviations."""
        if entry.fixed:
            means = entry.value
        else:
            summary = found["summary"]
            keys = summary.lines(parameter=entry.name, column=shielded(entry.column))
            means = [float(summary.value(key, "mean")) for key in keys]
        return (max(means) - min(means)) / found.spreads[entry.column]

    def of_all(self, found):
        left = len(found.entries("location", "mu")) - MOST_COLUMNS
        if left <= 0:
            return []
        return [
            Markup("{} other column{} stand{} in the estimates; those named tell the components apart best.").format(
                words.counted(left), "s" if left > 1 else "", "" if left > 1 else "s"
            )
        ]


ANSWERS = {CONTINUOUS: Continuous(), WHOLE: Whole(), MULTIVARIATE: Multivariate()}
