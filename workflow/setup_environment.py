"""Make the virtual environment that the Makefile works in; safe to call any time and quick when there is nothing to do.

    python3 workflow/setup_environment.py .venv

It runs with whatever `python3` the machine has: no syntax newer than Python 3.6, so that an old one can still say
that it is too old, and nothing but the standard library.
"""

import hashlib
import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
REQUIREMENTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "requirements.txt")
STAMP = ".stanmix-complete"
UNFINISHED = ".stanmix-unfinished"
LOCK = ".stanmix-lock"


class SetupError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def main(arguments):
    """Make the environment in the folder given, and return the exit status."""
    if len(arguments) != 1:
        print("Usage: python3 setup_environment.py FOLDER", file=sys.stderr)
        return 2
    try:
        set_up(os.path.abspath(arguments[0]), REQUIREMENTS)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the next run begins anew.", file=sys.stderr)
        return 130
    return 0


def set_up(folder, requirements):
    """Make the environment match the requirements, unless it does already.

    Parameters
    ----------
    folder : str
        The absolute path of the environment.
    requirements : str
        The path of a requirements file with hashes.

    Raises
    ------
    SetupError
        If this Python is too old or lacks venv, or pip fails.
    """
    complete = fingerprint(folder, requirements)
    if is_complete(folder, complete):
        return
    check_python()
    import fcntl  # only here, because it costs time and does not exist on Windows

    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, LOCK), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another run is setting up {folder}; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_complete(folder, complete):
            install(folder, requirements)
            write(os.path.join(folder, STAMP), complete)


def fingerprint(folder, requirements):
    """What a complete environment is stamped with: the requirements, and its place, because scripts name it."""
    with open(requirements, "rb") as file:
        return f"{hashlib.sha256(file.read()).hexdigest()}\n{folder}\n"


def is_complete(folder, complete):
    """Whether an environment carries this stamp and still has its Python."""
    try:
        with open(os.path.join(folder, STAMP), encoding="utf-8") as file:
            # The interpreter is a link to the system's, which may have gone with an upgrade.
            return file.read() == complete and os.path.exists(python_of(folder))
    except OSError:
        return False


def check_python():
    """Refuse a Python that is too old or cannot make environments, and say what to do."""
    if os.name == "nt":
        raise SetupError("stanmix runs on Linux and macOS; on Windows use it in the Windows Subsystem for Linux.")
    wanted = "{}.{}".format(*OLDEST)
    if sys.version_info < OLDEST:
        newer = [name for name in ("python3.11", "python3.12", "python3.13") if shutil.which(name)]
        hint = f"Use one you have: `make PYTHON={newer[0]}`." if newer else "Install one and run `make` again."
        have = "{}.{}".format(*sys.version_info)
        raise SetupError(f"stanmix needs Python {wanted} or newer, and {sys.executable} is {have}. {hint}")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(
            f"This Python ({sys.executable}) cannot make virtual environments. On Debian and Ubuntu run "
            "`sudo apt install python3-venv`, then `make` again."
        ) from None


def install(folder, requirements):
    """Make the environment if it is missing, broken or was left unfinished, and install the requirements."""
    stamp, unfinished = os.path.join(folder, STAMP), os.path.join(folder, UNFINISHED)
    fresh = os.path.exists(unfinished) or not is_usable(folder)
    if fresh and not set(os.listdir(folder)) <= {LOCK} and not is_own(folder):
        raise SetupError(f"{folder} is not empty and is no Python environment; name another folder or remove it.")
    if os.path.exists(stamp):
        os.remove(stamp)
    write(unfinished, "")
    if fresh:
        say(f"Making the Python environment in {folder} (about 600 MB, half a minute with a fast network).")
        clear(folder)
        run([sys.executable, "-m", "venv", folder])
    else:
        say(f"Updating the Python environment in {folder}.")
    pip = [python_of(folder), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    try:
        run(
            [*pip, "--require-hashes", "-r", requirements],
            quiet_about=None if fresh else "Requirement already satisfied",
        )
    except SetupError:
        # pip takes back what it began when it fails by itself: the environment is what it was.
        if not fresh:
            os.remove(unfinished)
        raise
    os.remove(unfinished)


def is_own(folder):
    """Whether a folder is an environment or the beginning of one, so that it may be emptied."""
    return any(os.path.exists(os.path.join(folder, name)) for name in (UNFINISHED, "pyvenv.cfg"))


def is_usable(folder):
    """Whether an environment starts, is new enough, has pip, and was made in this place."""
    question = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    try:
        with open(os.path.join(folder, "bin", "pip"), encoding="utf-8", errors="replace") as script:
            # Scripts name their interpreter by its path; in a folder that was moved they name one that is not there.
            moved = python_of(folder) not in script.read()
        return not moved and subprocess.call([python_of(folder), "-c", question], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def clear(folder):
    """Empty a folder except for the lock that this process holds and the mark that it is unfinished."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name in (LOCK, UNFINISHED):
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def run(command, quiet_about=None):
    """Run a command, and leave out the lines of its output that begin in a certain way."""
    if quiet_about is None:
        # With the terminal to itself pip draws its progress bars.
        status = subprocess.call(command)
    else:
        with subprocess.Popen(command, stdout=subprocess.PIPE, universal_newlines=True) as process:
            for line in process.stdout:
                if not line.startswith(quiet_about):
                    print(line, end="", flush=True)
        status = process.returncode
    if status:
        raise SetupError("`{}` failed (its words are above). Mend that and run `make` again.".format(" ".join(command)))


def python_of(folder):
    """The interpreter of an environment."""
    return os.path.join(folder, "bin", "python")


def write(path, text):
    """Write a small file whole or not at all."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)


def say(line):
    """Tell the user."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
