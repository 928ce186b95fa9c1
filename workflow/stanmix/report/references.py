"""What a page cites, each with its DOI and as BibTeX; a page takes what was used and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A publication.

    Attributes
    ----------
    key : str
        Of BibTeX.
    authors : tuple of str
        ``Family, Given``; others are left out after the third in the list, not in BibTeX.
    cited : str
        How the text cites it.
    title, journal : str
    year : int
    where : dict
        volume, number and pages of BibTeX, those that there are.
    doi : str
        Empty where the journal gives none.
    """

    key: str
    authors: tuple[str, ...]
    cited: str
    title: str
    journal: str
    year: int
    where: dict[str, str]
    doi: str = ""

    def listed(self) -> str:
        """As a line of a list of references, without the DOI (str)."""
        names = [f"{family} {''.join(part[0] for part in given.split())}" for family, given in self._parted()]
        who = ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])}, et al."
        place = self.where.get("volume", "")
        place += f"({self.where['number']})" if "number" in self.where else ""
        pages = self.where.get("pages", "").replace("--", "\N{EN DASH}")
        place = ": ".join(filter(None, [place, pages]))
        return f"{who} ({self.year}). {self.title}. {self.journal}{f' {place}' if place else ''}."

    def _parted(self):
        return [author.split(", ") for author in self.authors]

    def bibtex(self) -> str:
        """As an entry of BibTeX (str)."""
        fields = {"author": " and ".join(self.authors), "title": f"{{{self.title}}}", "journal": self.journal}
        fields |= {"year": str(self.year), **self.where} | ({"doi": self.doi} if self.doi else {})
        return (
            f"@article{{{self.key},\n" + ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items()) + "\n}"
        )


STAN = Reference(
    "carpenter2017",
    (
        *("Carpenter, Bob", "Gelman, Andrew", "Hoffman, Matthew D.", "Lee, Daniel", "Goodrich, Ben"),
        *("Betancourt, Michael", "Brubaker, Marcus A.", "Guo, Jiqiang", "Li, Peter", "Riddell, Allen"),
    ),
    "Carpenter et al. 2017",
    "Stan: a probabilistic programming language",
    "Journal of Statistical Software",
    2017,
    {"volume": "76", "number": "1", "pages": "1--32"},
    "10.18637/jss.v076.i01",
)
NUTS = Reference(
    "hoffman2014",
    ("Hoffman, Matthew D.", "Gelman, Andrew"),
    "Hoffman & Gelman 2014",
    "The No-U-Turn sampler: adaptively setting path lengths in Hamiltonian Monte Carlo",
    "Journal of Machine Learning Research",
    2014,
    {"volume": "15", "pages": "1593--1623"},
)
R_HAT = Reference(
    "vehtari2021",
    ("Vehtari, Aki", "Gelman, Andrew", "Simpson, Daniel", "Carpenter, Bob", "Bürkner, Paul-Christian"),
    "Vehtari et al. 2021",
    "Rank-normalization, folding, and localization: an improved R-hat for assessing convergence of MCMC",
    "Bayesian Analysis",
    2021,
    {"volume": "16", "number": "2", "pages": "667--718"},
    "10.1214/20-BA1221",
)
PSIS_LOO = Reference(
    "vehtari2017",
    ("Vehtari, Aki", "Gelman, Andrew", "Gabry, Jonah"),
    "Vehtari, Gelman & Gabry 2017",
    "Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC",
    "Statistics and Computing",
    2017,
    {"volume": "27", "number": "5", "pages": "1413--1432"},
    "10.1007/s11222-016-9696-4",
)
LOO_PIT = Reference(
    "tesso2026",
    ("Tesso, Herman", "Vehtari, Aki"),
    "Tesso & Vehtari 2026",
    "LOO-PIT predictive model checking",
    "arXiv:2603.02928",
    2026,
    {},
    "10.48550/arXiv.2603.02928",
)
BANDS = Reference(
    "sailynoja2022",
    ("Säilynoja, Teemu", "Bürkner, Paul-Christian", "Vehtari, Aki"),
    "Säilynoja, Bürkner & Vehtari 2022",
    "Graphical test for discrete uniformity and its applications in goodness-of-fit evaluation and multiple sample "
    "comparison",
    "Statistics and Computing",
    2022,
    {"volume": "32", "pages": "32"},
    "10.1007/s11222-022-10090-6",
)
RELABELLING = Reference(
    "stephens2000",
    ("Stephens, Matthew",),
    "Stephens 2000",
    "Dealing with label switching in mixture models",
    "Journal of the Royal Statistical Society: Series B",
    2000,
    {"volume": "62", "number": "4", "pages": "795--809"},
    "10.1111/1467-9868.00265",
)
PARTITION = Reference(
    "wade2018",
    ("Wade, Sara", "Ghahramani, Zoubin"),
    "Wade & Ghahramani 2018",
    "Bayesian cluster analysis: point estimation and credible balls",
    "Bayesian Analysis",
    2018,
    {"volume": "13", "number": "2", "pages": "559--626"},
    "10.1214/17-BA1073",
)
ENTROPY = Reference(
    "ramaswamy1993",
    ("Ramaswamy, Venkatram", "DeSarbo, Wayne S.", "Reibstein, David J.", "Robinson, William T."),
    "Ramaswamy et al. 1993",
    "An empirical pooling approach for estimating marketing mix elasticities with PIMS data",
    "Marketing Science",
    1993,
    {"volume": "12", "number": "1", "pages": "103--124"},
    "10.1287/mksc.12.1.103",
)
ARVIZ = Reference(
    "kumar2019",
    ("Kumar, Ravin", "Carroll, Colin", "Hartikainen, Ari", "Martin, Osvaldo"),
    "Kumar et al. 2019",
    "ArviZ a unified library for exploratory analysis of Bayesian models in Python",
    "Journal of Open Source Software",
    2019,
    {"volume": "4", "number": "33", "pages": "1143"},
    "10.21105/joss.01143",
)
SNAKEMAKE = Reference(
    "molder2021",
    (
        *("Mölder, Felix", "Jablonski, Kim Philipp", "Letcher, Brice", "Hall, Michael B."),
        *("Tomkins-Tinch, Christopher H.", "Sochat, Vanessa", "Forster, Jan", "Lee, Soohyun", "Twardziok, Sven O."),
        *("Kanitz, Alexander", "Wilm, Andreas", "Holtgrewe, Manuel", "Rahmann, Sven", "Nahnsen, Sven"),
        "Köster, Johannes",
    ),
    "Mölder et al. 2021",
    "Sustainable data analysis with Snakemake",
    "F1000Research",
    2021,
    {"volume": "10", "pages": "33"},
    "10.12688/f1000research.29032.2",
)
