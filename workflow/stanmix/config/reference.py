"""config/README.md, made from the schema: ``python -m stanmix.config.reference`` prints it."""

from __future__ import annotations

from stanmix.config.schema import TYPES, schema

HEAD = """# The configuration, key by key

`config/config.yaml` says what is to be done; every run reads it from its own folder. This page is made from
`workflow/schemas/config.schema.yaml` (`make reference`), and a test keeps the two equal. A key that is not
listed here is an error, and so is a value that does not fit: all errors are reported at once, with file and
line, before any job starts.

Names of data sets and models become folders: up to 100 letters, digits, points, dashes and underscores, a letter or
digit first and no point last, no two the same but for capital letters.

Numbers are 0 or from 1e-150 to 1e150 in size, whole ones not beyond 2^53 if that loses digits. YAML reads `010` as 8,
`1:30` as 90, `yes` as true and `1e5` as text; where it would, the run says so and how to write what is meant.

A name with `{name}` in it is a template. It makes many data sets: one of each file that the star of its `csv` matches,

```yaml
datasets:
  "{name}": {csv: "data/*.csv", column: length, label: "length in {name} (mm)"}
models: {normal: {family: normal}}
analyses: [{dataset: "{name}", models: [normal], components: [1, 2, 3]}]
```

or one of each row of a sample sheet, a CSV file whose column `dataset` holds the names and whose other columns are keys
of a data set: `datasets: samples.csv`, or in a template with what all rows share, as in
`"{name}": {sheet: samples.csv, csv: "data/{name}.csv", column: length}`. Everything is as if each data set and each of
its analyses were written out. A new file or row is a new data set for the next run, which makes that one alone.

| key | value | default | what it does |
|---|---|---|---|
"""

TAIL = """
Priors are written as Stan writes them, and each argument may be a list with one number for each component:
`normal(location, scale)`, `student_t(df, location, scale)`, `cauchy(location, scale)` for every parameter, and
for positive ones (where the first three are cut at 0) also `lognormal(meanlog, sdlog)`, `gamma(shape, rate)`,
`inv_gamma(shape, scale)` and `exponential(rate)`. Probabilities (`p`, `zero`) take `beta(a, b)` and
`logit_normal(location, scale)`. Each also takes `uniform(a, b)` within its support, and may be cut from below, above or
both, as in `lognormal(0, 1) T[0.5, ]`, `T[ , 3]` or `T[0.5, 3]`; with several columns only `sigma` can, from below. The
numbers are handed to the Stan program as data, so that changing a prior compiles nothing.

The defaults scale with the data (median m, standard deviation s, range R): means `normal(m, R/2)`, a shared
standard deviation `normal(0, s)` cut at 0, one for each component `lognormal(log(s/K), 0.7)`, weights
`dirichlet(1)`. The report prints them with their numbers.
"""


def markdown() -> str:
    """The text of config/README.md (str)."""
    return HEAD + "\n".join(_rows(schema(), "")) + "\n" + TAIL


def _rows(rules, place):
    """Table rows for every key below a place of the schema."""
    for key, below in rules.get("properties", {}).items():
        yield from _row(below, f"{place}.{key}" if place else key, key in rules.get("required", []))


def _row(rules, place, required):
    default = rules.get("default")
    shown = "required" if required else "–" if default in (None, {}) else f"`{_yaml(default)}`"  # noqa: RUF001
    yield f"| `{place}` | {_values(rules)} | {shown} | {' '.join(rules['description'].split())} |"
    yield from _rows(rules, place)
    entry = rules.get("additionalProperties")
    if isinstance(entry, dict):
        yield from _rows(entry, f"{place}.NAME")
    if isinstance(rules.get("items"), dict):
        yield from _rows(rules["items"], f"{place}[]")


def _values(rules):
    """What a key takes, in words."""
    if "enum" in rules:
        return " or ".join(f"`{value}`" for value in rules["enum"])
    kinds = rules["type"] if isinstance(rules["type"], list) else [rules["type"]]
    text = " or ".join(TYPES[kind] for kind in kinds)
    bounds = [f"{word} {rules[key]}" for key, word in _BOUNDS.items() if key in rules]
    return f"{text}, {' and '.join(bounds)}" if bounds else text


_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "greater than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def _yaml(value):
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


if __name__ == "__main__":
    print(markdown(), end="")
