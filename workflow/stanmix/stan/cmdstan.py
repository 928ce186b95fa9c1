"""CmdStan at work: compile a program, draw from its posterior. The only module that imports cmdstanpy."""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.errors import UserError
from stanmix.base.files import sha256, whole, write_json, write_text
from stanmix.base.locks import locked
from stanmix.stan import compilers, toolchain
from stanmix.stan.programs import content_key, header_of, include_folders, sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from stanmix.stan.toolchain import Installation

SIGNIFICANT_DIGITS = 14
PROGRESS_EVERY = 10  # seconds
CLIMBING_STEPS = 2000  # of the optimiser; a few dozen are usual
MAKES_WAY = re.compile(r"[\w./+@-]+")  # paths that make and stanc take as they are


def use(record: dict) -> Installation:
    """Point cmdstanpy at the CmdStan that a toolchain record names.

    Parameters
    ----------
    record : dict
        What `toolchain.describe` said when the run's toolchain was chosen.

    Returns
    -------
    toolchain.Installation

    Raises
    ------
    UserError
        When that CmdStan is not there any more.
    """
    import cmdstanpy

    installation = _named(record)
    cmdstanpy.set_cmdstan_path(str(installation.path))
    return installation


def _named(record):
    """The installation of a toolchain record."""
    installation = toolchain.find(record["cmdstan"])
    if installation is None:
        raise UserError(
            f"CmdStan {record['cmdstan']}, which made the results in this folder, is not there any more; set CMDSTAN "
            "to it, or delete results/programs/toolchain.json to choose and install one anew."
        )
    return installation


def compile_program(
    program: str,
    folder: str | PathLike,
    kernel: bool,
    record: dict,
    executable: str | PathLike,
    provenance: str | PathLike,
    say: Callable[[str], None] = print,
) -> None:
    """Compile a Stan program, once per content and toolchain on this machine.

    Executables are kept in the user's cache folder under a name of their content, so that deleting results or running
    in another folder compiles nothing again. With a CmdStan that cannot take the kernel the plain program takes its
    place, which has the same posterior and is slower; the provenance says which it is.

    Parameters
    ----------
    program : str
        The program's name, without .stan.
    folder : path-like
        Where the programs and their includes are.
    kernel : bool
        Whether the likelihood shall be the compiled kernel.
    record : dict
        What `toolchain.describe` said.
    executable, provenance : path-like
        Where the executable shall be, and the JSON that says what it was made from.
    say : callable
        Told what takes long.

    Raises
    ------
    UserError
        When the cache folder cannot be written, or the program cannot be compiled; when that is for want of room or
        memory, the kernel is not given up for it.
    """
    key_holds = (record["cmdstan"], record["compiler"], *toolchain.circumstances(_named(record)))
    try:
        try:
            _kept_or_compiled(program, folder, kernel, record, key_holds, executable, say)
        except CodeError as error:
            if not kernel:
                raise
            say(
                f"The kernel of {program}.stan cannot be compiled with CmdStan {record['cmdstan']} ({error}); the "
                "plain program, which is slower and has the same posterior, takes its place."
            )
            kernel = False
            _kept_or_compiled(program, folder, kernel, record, key_holds, executable, say)
    except CodeError as error:
        raise UserError(f"{program}.stan cannot be compiled with CmdStan {record['cmdstan']}: {error}.") from None
    hashes = {source.relative_to(folder).as_posix(): sha256(source) for source in sources(program, folder, kernel)}
    write_json(provenance, {"program": program, "kernel": kernel, "sources": hashes, **record})


class CodeError(Exception):
    """The compiler complains of the code; the message is what it says."""


def _kept_or_compiled(program, folder, kernel, record, key_holds, executable, say):
    key = content_key(program, folder, kernel, *key_holds)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stanmix" / "programs"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = cache / f"{key}.lock"
        lock.touch()
    except OSError as error:
        raise UserError(
            f"{cache}: compiled programs are kept here, but it cannot be written ({error.strerror}); "
            "set XDG_CACHE_HOME to a folder that can."
        ) from None
    with locked(lock):  # a second run waits for the first one's executable
        kept = cache / key / program
        mark = kept.with_name(f"{program}.sha256")
        if kept.exists() and not (mark.exists() and mark.read_text() == sha256(kept) and not _why_not_started(kept)):
            say(f"{kept} does not start or is not what was compiled; it is compiled again.")
            kept.unlink()
        if not kept.exists():
            say(f"Compiling {program}.stan with CmdStan {record['cmdstan']} (10 to 60 seconds).")
            use(record)
            try:
                _compile(program, folder, kernel, kept)
            except OSError as error:
                raise UserError(f"{program}.stan cannot be compiled in {cache}: {error.strerror}.") from error
            write_text(mark, sha256(kept))
        with whole(executable) as beside:
            shutil.copy2(kept, beside)


def _why_not_started(executable):
    """Why an executable of CmdStan does not start; nothing if it does."""
    try:
        done = subprocess.run([executable, "info"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        return str(error.strerror)
    return f"{done.stderr.strip()} (return code {done.returncode})".strip() if done.returncode else ""


def _compile(program, folder, kernel, kept):
    # One fixed place for each content: the executable names it in its messages and is the same every time.
    workshop = kept.parent.with_suffix(".building")
    shutil.rmtree(workshop, ignore_errors=True)
    with contextlib.ExitStack() as stack:
        if not MAKES_WAY.fullmatch(str(workshop)):
            workshop = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stanmix-")))
        if not MAKES_WAY.fullmatch(str(workshop)):
            raise UserError(
                f"CmdStan's make cannot work in {kept.parent.parent} or in {workshop.parent}, because of a space or "
                "another sign in their names; set XDG_CACHE_HOME to a folder without."
            )
        stack.callback(shutil.rmtree, workshop, ignore_errors=True)
        for source in sources(program, folder, kernel):
            copy = workshop / source.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        made = _made(program, workshop, kernel)
        why_not = _why_not_started(made)
        if why_not:
            raise UserError(f"{program}.stan was compiled, but the executable does not start: {why_not}.")
        with whole(kept) as beside:
            shutil.copy2(made, beside)


def _made(program, workshop, kernel):
    """Let CmdStan compile a program where it lies, and return the executable."""
    import cmdstanpy

    locale = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"  # compilers shall complain in the words that are looked for
    try:
        return cmdstanpy.CmdStanModel(
            stan_file=workshop / f"{program}.stan",
            stanc_options={"include-paths": [str(place) for place in include_folders(workshop, kernel)]},
            user_header=str(header_of(program, workshop)) if kernel else None,
        ).exe_file
    except (ValueError, RuntimeError) as error:  # what cmdstanpy raises when make fails; it holds all that was said
        print(error)  # for the log
        broken = compilers.complaint(str(error), compilers.OF_MACHINE)
        wrong = compilers.complaint(str(error), compilers.OF_CODE)
        if wrong and not broken:
            raise CodeError(wrong) from None
        if broken:
            raise UserError(f"{program}.stan could not be compiled here: {broken}. {compilers.ROOM}") from None
        said = compilers.complaint(str(error), compilers.OF_MAKE) or "no reason"
        raise UserError(f"{program}.stan could not be compiled; CmdStan's make says: {said}.") from None
    finally:
        os.environ.pop("LC_ALL")
        if locale is not None:
            os.environ["LC_ALL"] = locale


def without_empty(values: dict) -> dict:
    """Starting values without those that hold no number, whose dimensions JSON cannot tell (dict)."""
    return {name: value for name, value in values.items() if np.size(value) > 0}


@contextlib.contextmanager
def _scratch():
    """A temporary folder for CmdStan's files (yields its path as str), with a sentence when there is no room for them.

    CmdStan itself goes on when it cannot write, and what it wrote then cannot be read.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            try:
                yield folder
            except (RuntimeError, ValueError, OSError):
                with open(Path(folder) / "room", "wb") as file:
                    file.write(bytes(1 << 16))
                raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = tempfile.gettempdir()
        raise UserError(f"There is no room for draws in {place} ({error.strerror}). {compilers.ROOM}") from error


def sample(
    executable: str | PathLike,
    data: str | PathLike,
    starts: list[dict],
    sampling: dict,
    seed: int,
    record: dict,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Draw from the posterior with NUTS.

    Parameters
    ----------
    executable : path-like
        What `compile_program` made.
    data : path-like
        The program's data as JSON.
    starts : list of dict
        Starting values, one per chain.
    sampling : dict
        chains, warmup, draws, adapt_delta, max_treedepth and metric.
    seed : int
        From 1 to 2**31 - 1.
    record : dict
        What `toolchain.describe` said.
    threads : int
        How many chains run at once; the kernel spreads each over what is left when all run.
    say : callable
        Told how far the chains are, every ten seconds.

    Returns
    -------
    variables : dict of numpy.ndarray
        theta and the parameters as in the program, each of shape (chains, draws, K) or longer.
    statistics : dict of numpy.ndarray
        The sampler's own columns (lp__, divergent__, ...), each of shape (chains, draws).

    Raises
    ------
    RuntimeError
        When a chain fails; with what CmdStan said.
    """
    import cmdstanpy

    use(record)
    progress = Progress(sampling, say, sys.stdout)
    os.environ["STANMIX_THREADS"] = str(max(1, threads // sampling["chains"]))  # of each chain; for the kernel
    with _scratch() as scratch, contextlib.redirect_stdout(progress):
        fit = cmdstanpy.CmdStanModel(exe_file=str(Path(executable).absolute())).sample(
            data=str(data),
            chains=sampling["chains"],
            parallel_chains=min(threads, sampling["chains"]),
            seed=seed,
            inits=[without_empty(start) for start in starts],
            iter_warmup=sampling["warmup"],
            iter_sampling=sampling["draws"],
            adapt_delta=sampling["adapt_delta"],
            max_treedepth=sampling["max_treedepth"],
            metric=f"{sampling['metric']}_e",
            sig_figs=SIGNIFICANT_DIGITS,
            output_dir=scratch,
            show_progress=False,
            show_console=True,
        )
        shape = (sampling["chains"], sampling["draws"])
        variables = {
            name: values.reshape(*shape, *values.shape[1:])
            for name, values in fit.stan_variables().items()
            if not name.endswith("_free")  # what the sampler moves; the program's own names are complete
        }
        statistics = {name: values.T for name, values in fit.method_variables().items()}
    return variables, statistics


def optimise(
    executable: str | PathLike, data: str | PathLike, starts: list[dict], seed: int, record: dict
) -> list[tuple[float, dict[str, np.ndarray]] | None]:
    """Climb to modes of the posterior by L-BFGS, in the space of the program's own parameters without a Jacobian.

    Parameters
    ----------
    executable : path-like
        What `compile_program` made.
    data : path-like
        The program's data as JSON.
    starts : list of dict
        Starting values.
    seed : int
        From 1 to 2**31 - 1.
    record : dict
        What `toolchain.describe` said.

    Returns
    -------
    list of (float, dict) or None
        For each start the log density that was reached and there theta and the parameters as in the program, each of
        shape (K,) or longer. A line search that fails is taken for the end. None where nothing finite was reached.
    """
    _named(record)
    found = []
    for start in starts:
        try:
            with _scratch() as scratch:
                height, variables = _climb(Path(executable).absolute(), data, start, seed, Path(scratch))
        except ValueError:  # no line of numbers was written: the start was not a legal one
            height, variables = -math.inf, {}
        finite = math.isfinite(height) and all(np.isfinite(values).all() for values in variables.values())
        found.append((height, variables) if finite else None)
    return found


def _climb(executable, data, start, seed, folder):
    """One climb by CmdStan itself: cmdstanpy takes longer around one than it takes."""
    begun, ended = folder / "start.json", folder / "end.csv"
    write_json(begun, without_empty(start))
    command = [executable, "id=1", "optimize", "algorithm=lbfgs"]
    command += ["tol_rel_grad=1"]  # the default is taken in by saddles
    command += [f"iter={CLIMBING_STEPS}", "data", f"file={data}", f"init={begun}", "random", f"seed={seed}"]
    command += ["output", f"file={ended}", f"refresh={CLIMBING_STEPS}", f"sig_figs={SIGNIFICANT_DIGITS}"]
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = [line for line in ended.read_text().splitlines() if line and not line.startswith("#")]
    if len(lines) < 2:
        raise ValueError("no line of numbers")
    values = dict(zip(lines[0].split(","), map(float, lines[-1].split(",")), strict=True))
    return values.pop("lp__"), _shaped(values)


def _shaped(values):
    """The program's own parameters from columns such as mu.2.1: a dict of arrays."""
    places = {}
    for name, value in values.items():
        stem, *at = name.split(".")
        if not stem.endswith("_free"):  # what the sampler moves
            places.setdefault(stem, []).append((tuple(int(i) - 1 for i in at) or (0,), value))
    found = {}
    for stem, cells in places.items():
        found[stem] = np.empty(np.max([at for at, _ in cells], axis=0) + 1)
        for at, value in cells:
            found[stem][at] = value
    return found


class Progress(io.TextIOBase):
    """A stream for what CmdStan prints: it passes on what is not blank and tells now and then how far the chains are.

    Parameters
    ----------
    sampling : dict
        chains, warmup and draws.
    say : callable
        Told how far the chains are, at most every ten seconds.
    onward : file-like
        Gets every line that says something.
    """

    def __init__(self, sampling, say, onward):
        self.total = sampling["chains"] * (sampling["warmup"] + sampling["draws"])
        self.say, self.onward = say, onward
        self.done, self.said = {}, time.monotonic()

    def write(self, text: str) -> int:
        """Take some text, usually a line; return its length."""
        found = re.search(r"Chain \[(\d+)\].*Iteration:\s+(\d+) /", text)
        if found:
            self.done[found[1]] = int(found[2])
            if time.monotonic() - self.said >= PROGRESS_EVERY:
                self.said = time.monotonic()
                self.say(f"Sampling: {sum(self.done.values())} of {self.total} iterations.")
        if re.sub(r"Chain \[\d+\]", "", text).strip():
            self.onward.write(text.rstrip() + "\n")
        return len(text)
