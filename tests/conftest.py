"""What several groups of tests share: the checkout, the cases beside it, and a CmdStan with compiled programs."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CASES = ROOT.parent / "shared" / "cases"


def pytest_collection_modifyitems(items):
    """What takes longest comes first: runs of the whole, then programs. Each file goes to one worker (Makefile)."""
    items.sort(key=lambda item: ["workflow", "stan", "unit"].index(item.path.parent.name))


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def cases():
    """Data with known answers, which lie beside the checkout of those who build stanmix."""
    if not CASES.is_dir():
        pytest.skip("the cases with known answers are not beside this checkout")
    return CASES


@pytest.fixture(scope="session")
def toolchain_record():
    """The record of the CmdStan that the tests use; it is installed if need be."""
    from stanmix.stan import toolchain

    return toolchain.describe(toolchain.ensure())


@pytest.fixture(scope="session")
def compiled(toolchain_record, tmp_path_factory):
    """A function that compiles a program of a folder and returns its executable; the user's cache makes it quick.

    With the kernel, as users have it, unless told otherwise; that the plain program took its place is an error here.
    """
    from stanmix.base.files import read_json
    from stanmix.stan import cmdstan

    def build(folder, program="univariate", kernel=True):
        place = tmp_path_factory.mktemp(program)
        executable, provenance = place / program, place / "program.json"
        cmdstan.compile_program(program, Path(folder), kernel, toolchain_record, executable, provenance)
        assert read_json(provenance)["kernel"] is kernel
        return executable

    return build
