"""The documents that are made from the code are what the code says today."""

from stanmix import reference
from stanmix.priors import DISTRIBUTIONS


def test_the_configs_readme_is_made_from_the_schema(root):
    written = (root / "config" / "README.md").read_text(encoding="utf-8")
    assert written == reference.markdown(), "run `make reference`"


def test_the_configs_readme_names_every_prior():
    text = reference.markdown()
    for name, entry in DISTRIBUTIONS.items():
        assert f"`{name}({', '.join(entry.arguments)})`" in text
