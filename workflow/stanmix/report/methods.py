"""Methods, ready to paste: a paragraph made from the specification and the checks, and what it cites."""

from stanmix import __version__
from stanmix.base import tables
from stanmix.report import references, words
from stanmix.report.evidence import written


class Methods:
    """The text and the references of the methods of one data set.

    Attributes
    ----------
    sentences : list of str
    cited : list of references.Reference
        In the order in which the text cites them.

    Parameters
    ----------
    views : list of dict
        What the page shows of each fit, the one that it shows first at the head.
    comparison, noticed, toolchain : dict
    label : str
        What the values are.
    """

    def __init__(self, views, comparison, noticed, label, toolchain):
        self.sentences, self.cited = [], []
        first = views[0]
        self._model(first, noticed, label)
        self._sampling(first, toolchain)
        self._fit(first)
        if len(views) > 1:
            self._comparison(views, comparison)
        self.sentences.append(
            f"The analysis was run with stanmix {__version__}, a workflow of Snakemake "
            f"{self._cite(references.SNAKEMAKE)}, and ArviZ {self._cite(references.ARVIZ)}."
        )

    def _cite(self, *cited):
        for each in cited:
            if each not in self.cited:
                self.cited.append(each)
        return f"({'; '.join(each.cited for each in cited)})"

    def _model(self, view, noticed, label):
        specification = view["specification"]
        count, by_group = specification.components, specification.by_group
        family = view["family"].replace("_", " ")
        of = f" of {view['scales']}" if view["scales"] else ""
        things = f"{noticed['groups']['number']} groups of {noticed['n']}" if by_group else f"{noticed['n']}"
        if count == 1:
            self.sentences.append(f"We described the {things} observations of {label} by a {family} distribution{of}.")
        else:
            self.sentences.append(
                f"We described the {things} observations of {label} by a finite mixture of {count} {family} "
                f"components{of}, with the membership of each {'group' if by_group else 'observation'} summed out of "
                "the likelihood."
            )
        if specification.rounding:
            self.sentences.append(
                f"Values are rounded to {tables.number(specification.rounding)} and stand for intervals."
            )
        priors = [f"{entry['name']} ~ {entry['text']}" for entry in view["priors"]]
        if not specification.weights.fixed and count > 1:
            sizes = ", ".join(tables.number(value) for value in specification.weights.concentration)
            priors.insert(0, f"theta ~ dirichlet({sizes})")
        if priors:
            self.sentences.append(f"The priors were {words.listed(priors)}.")
        fixed = [
            f"{entry['name']} = {', '.join(tables.number(value) for value in entry['value'])}"
            for entry in view["fixed"]
        ]
        if fixed:
            self.sentences.append(f"Fixed were {words.listed(fixed)}.")
        if count > 1 and view["ordered_by"]:
            self.sentences.append(f"Components were named in the order of {view['ordered_by']}.")
        elif count > 1 and specification.labels == "relabelled":
            self.sentences.append(
                "Draws were relabelled so that they agree best on the memberships "
                f"{self._cite(references.RELABELLING)}."
            )

    def _sampling(self, view, toolchain):
        sampling = view["specification"].sampling
        begun = ", begun in the modes that a search of the posterior had found" if view["modes"]["modes"] else ""
        self.sentences.append(
            f"The posterior was sampled by the No-U-Turn sampler {self._cite(references.NUTS)} of CmdStan "
            f"{toolchain['cmdstan']} {self._cite(references.STAN)} in {sampling['chains']} chains of "
            f"{sampling['warmup']} warm-up iterations and {sampling['draws']} draws{begun}."
        )
        value = {check["name"]: check["value"] for check in view["checks"]["checks"]}
        if None not in (value.get("rhat"), value.get("ess_bulk"), value.get("ess_tail")):
            self.sentences.append(
                f"The largest R-hat was {value['rhat']:.3f} and the smallest effective sample sizes were "
                f"{value['ess_bulk']:.0f} for the centre and {value['ess_tail']:.0f} for the tails "
                f"{self._cite(references.R_HAT)}; {value['divergences']} transitions diverged."
            )

    def _fit(self, view):
        self.sentences.append(
            "The fit was judged by replicated data (posterior predictive p-values), by simultaneous bands of "
            f"distribution functions {self._cite(references.BANDS)} and by a test of the leave-one-out predictions "
            f"that allows for their dependence {self._cite(references.LOO_PIT)}."
        )
        failed, warned = ([check["title"] for check in view[key]] for key in ("failed", "warned"))
        if failed or warned:
            said = [f"{len(failed)} failed ({'; '.join(failed)})"] if failed else []
            said += [f"{len(warned)} gave a warning ({'; '.join(warned)})"] if warned else []
            self.sentences.append(f"Of {len(view['checks']['checks'])} checks, {words.listed(said)}.")
        else:
            self.sentences.append(f"All {len(view['checks']['checks'])} checks passed.")
        if view["specification"].components > 1 and view["labels"]["trusted"]:
            wrong = written(view["memberships"]["expected_misclassification"], percent=True)
            self.sentences.append(
                f"With every {'group' if view['things'] == 'groups' else 'observation'} in its most probable "
                f"component, {wrong} are expected to be misclassified if the model holds; entropy "
                f"R\N{SUPERSCRIPT TWO} is {view['memberships']['entropy_r2']:.2f} {self._cite(references.ENTROPY)}."
            )
        if view["specification"].components > 1:
            self.sentences.append(
                "Clusters that need no names of components are the partition with the least expected variation of "
                f"information {self._cite(references.PARTITION)}."
            )

    def _comparison(self, views, comparison):
        titles = words.listed([view["title"] for view in views])
        self.sentences.append(
            f"The models {titles} were compared by their expected log predictive density, estimated by leave-one-out "
            f"cross-validation {self._cite(references.PSIS_LOO)}. {comparison['sentence']}"
        )

    @property
    def paragraph(self):
        return " ".join(self.sentences)

    def markdown(self, dataset):
        """The file to take into a paper: the paragraph, the references, and these as BibTeX (str)."""
        lines = [f"# {dataset}: methods", "", self.paragraph, "", "## References", ""]
        lines += [f"- {each.listed()}{f' doi:{each.doi}' if each.doi else ''}" for each in self.cited]
        return "\n".join([*lines, "", "## BibTeX", "", "```bibtex", self.bibtex, "```", ""])

    @property
    def bibtex(self):
        return "\n\n".join(each.bibtex() for each in self.cited)
