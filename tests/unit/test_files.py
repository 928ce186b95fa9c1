"""Files whole or not at all, locks, what a job says, and which files and versions a result depends on."""

import ast
import contextlib
import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from stanmix.base import columns, files, locks
from stanmix.base.errors import UserError
from stanmix.jobs import dependencies, logbook, manifest
from stanmix.stan import programs

WORKFLOW = Path(files.__file__).parents[2]
SCRIPTS = sorted((WORKFLOW / "scripts").glob("*.py"))
ENVIRONMENT = os.environ | {"PYTHONPATH": str(WORKFLOW)}


def python(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        **options,
    )


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "folder" / "table.csv"
    with files.whole(path) as beside:
        assert beside.parent == path.parent
        assert beside.suffix == ".csv"
        beside.write_text("half")
        assert not path.exists()
        beside.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_litter(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with files.whole(path) as beside:
            beside.write_text("new")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), files.whole(path):
        pass
    assert path.read_text() == "old"


def test_threads_that_write_the_same_file_leave_one_whole_file(tmp_path):
    path, texts, errors = tmp_path / "a.txt", [letter * 200_000 for letter in "abcdefgh"], []
    together = threading.Barrier(len(texts))

    def write(text):
        try:
            for _ in range(20):
                together.wait()
                files.write_text(path, text)
                assert path.read_text() in texts
        except BaseException as error:
            errors.append(error)
            together.abort()

    threads = [threading.Thread(target=write, args=[text]) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_write_the_same_file_leave_one_whole_file(tmp_path):
    code = (
        "import sys; from stanmix.base import files\n"
        "for _ in range(60): files.write_text(sys.argv[1], sys.argv[2] * 300_000)"
    )
    path = tmp_path / "a.txt"
    writers = [python(code, path, letter) for letter in "abc"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        with contextlib.suppress(FileNotFoundError):
            text = path.read_text()
            seen.add((len(text), len(set(text))))
    assert [(writer.communicate(), writer.returncode) for writer in writers] == [(("", ""), 0)] * 3
    assert seen == {(300_000, 1)}
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf_8_with_unix_line_ends(tmp_path):
    files.write_text(tmp_path / "a.txt", "é\nµ\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\n\xc2\xb5\n"


FORMULAS = ["=cmd|' /C calc'!A0", "+1+2", "-2+3", "@SUM(A1)", "=", "'quoted", "''", "-", "+49 30 1", "-inf"]
HARMLESS = ["-5", "+1.5e3", "-.5", "a=b", "7", "", "x'", "NA", " ="]


def test_texts_that_spreadsheets_would_compute_stand_behind_an_apostrophe(tmp_path):
    names = FORMULAS + HARMLESS
    frame = pd.DataFrame(
        {"id": pd.Series(names, dtype=object), "column": names[::-1], "n": -1.5, "k": range(len(names))}
    )
    files.write_csv(tmp_path / "t.csv", frame)
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"'{name}" for name in FORMULAS] + HARMLESS
    assert [row["column"] for row in rows] == HARMLESS[::-1] + [f"'{name}" for name in FORMULAS[::-1]]
    assert {(row["n"], len(row)) for row in rows} == {("-1.5", 4)}
    # and what reads our tables gets the names back
    read = pd.read_csv(tmp_path / "t.csv", **columns.TEXT)
    assert ["" if pd.isna(name) else name for name in read["column"]] == names[::-1]
    assert pd.read_csv(tmp_path / "t.csv", **columns.AS_WRITTEN)["id"].fillna("").tolist() == names
    assert frame["id"].tolist() == names


def test_tables_without_such_columns_are_read_too(tmp_path):
    files.write_csv(tmp_path / "t.csv", pd.DataFrame({"parameter": ["mu"], "mean": [0.1]}))
    assert pd.read_csv(tmp_path / "t.csv", **columns.TEXT)["mean"].tolist() == [0.1]


def test_json_is_stable_and_refuses_what_json_cannot_say(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"b": [1, 0.1], "a": "é"})
    assert path.read_text(encoding="utf-8") == '{\n  "b": [\n    1,\n    0.1\n  ],\n  "a": "é"\n}\n'
    assert files.read_json(path) == {"b": [1, 0.1], "a": "é"}
    for bad in (float("nan"), float("inf"), {"deep": [-float("inf")]}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            files.write_json(path, bad)
    assert files.read_json(path)["b"] == [1, 0.1]
    assert list(tmp_path.iterdir()) == [path]


def test_sha256_is_the_published_one(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256(tmp_path / "a") == expected


HOLD = """
import sys
from stanmix.base import locks
from stanmix.base.errors import UserError
try:
    locks.hold(sys.argv[1])
except UserError as error:
    print(error, flush=True)
else:
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_holds_a_lock_until_it_is_killed(tmp_path):
    lock = tmp_path / "new" / "lock"
    for _ in range(2):  # the second finds what the first left
        holder = python(HOLD, lock)
        assert holder.stdout.readline() == "held\n"
        told = f"Another run is at work in this folder (process {holder.pid}); wait for its end, or end it.\n"
        assert python(HOLD, lock).communicate()[0] == told
        holder.kill()
        holder.communicate()
    assert python(HOLD, lock).communicate()[0] == "held\n"  # this one ends in peace
    assert python(HOLD, lock).communicate()[0] == "held\n"


def test_a_child_does_not_keep_the_lock_of_its_dead_parent(tmp_path):
    code = (
        "import subprocess, sys; from stanmix.base import locks\n"
        "locks.hold(sys.argv[1])\n"
        "print(subprocess.Popen(['sleep', '30'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid, flush=True)"
    )
    child = int(python(code, tmp_path / "lock").communicate()[0])
    try:
        assert python(HOLD, tmp_path / "lock").communicate()[0] == "held\n"
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_lock_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/lock: this file must be written .* cannot be \(File exists"):
        locks.hold(tmp_path / "file" / "lock")


def test_folders_that_cannot_be_made_or_written_are_named_and_none_is_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "closed").mkdir()
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    files.require_writable([tmp_path, tmp_path / "new" / "deep"])
    access = os.access  # of the superuser, who may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed" and access(path, mode))
    with pytest.raises(UserError) as caught:
        files.require_writable(tmp_path / name for name in ("closed/results", "closed/other", "file", "lost", "fine"))
    closed, file, lost = caught.value.sentences
    assert closed.startswith(f"{tmp_path / 'closed'}: this folder cannot be written")
    for sentence, name in ((file, "file"), (lost, "lost")):
        assert sentence.startswith(f"{tmp_path / name}: here must be a folder for what is made")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["closed", "file", "lost"]


def test_content_is_known_by_its_bytes_also_where_dates_go_back(tmp_path, monkeypatch):
    path, other = tmp_path / "a.csv", tmp_path / "older.csv"
    path.write_text("y\n1\n")
    other.write_text("y\n2\n")
    os.utime(other, (1, 1))
    first = files.content_of(path)
    assert first == hashlib.sha256(b"y\n1\n").hexdigest()
    other.replace(path)
    assert files.content_of(path) == hashlib.sha256(b"y\n2\n").hexdigest()
    missing = tmp_path / "missing.csv"
    assert files.contents([path, None, missing]) == {path: files.content_of(path)}
    with pytest.raises(FileNotFoundError):
        files.content_of(missing)
    os.mkfifo(tmp_path / "pipe")
    for endless in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(OSError, match="not a regular file"):
            files.content_of(endless)
    monkeypatch.setattr(files, "sha256", lambda path: pytest.fail("the same state was read twice"))
    files.content_of(path)


def test_what_a_killed_writer_leaves_is_swept_and_nothing_else(tmp_path):
    code = (
        "import sys; from stanmix.base import files\n"
        "with files.whole(sys.argv[1]) as beside:\n"
        "    beside.write_text('half')\n    print(flush=True)\n    sys.stdin.read()"
    )
    path = tmp_path / "deep" / "a[1].csv"
    path.parent.mkdir(parents=True)
    path.write_text("old")
    kept = {"a[1].csv", ".hidden", ".unfinished-a[1].csv", ".unfinished-1-2-a1.csv", ".unfinished-1-2-b-a[1].csvs"}
    for name in kept - {"a[1].csv"}:
        (path.parent / name).write_text("kept")
    writer = python(code, path)
    writer.stdout.readline()
    writer.kill()
    writer.communicate()
    assert len(list(path.parent.iterdir())) == len(kept) + 1
    files.sweep(path)
    files.sweep(tmp_path / "nowhere" / "a.csv")
    assert {p.name for p in path.parent.iterdir()} == kept
    assert path.read_text() == "old"


def test_a_guard_keeps_files_from_their_place(tmp_path):
    def refuse():
        raise RuntimeError("not now")

    files.write_text(tmp_path / "a", "old")
    with files.guarded(refuse), pytest.raises(RuntimeError, match="not now"):
        files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
    files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"


def run_job(body, log):
    """Run a job as a script of the workflow does; its exit code, what the user sees and the log."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    code = (
        "import os, sys, subprocess\nfrom stanmix.base.errors import UserError\n"
        "from stanmix.jobs.logbook import recorded\n"
        f"with recorded(sys.argv[1]) as say:\n{lines}\nprint('after')\n"
    )
    job = python(code, log)
    out, err = job.communicate()
    return job.returncode, out, err, log.read_text()


def test_all_output_of_a_job_and_its_children_goes_to_the_log(tmp_path):
    log = tmp_path / "logs" / "job.log"
    body = (
        "print('one')\nprint('two', file=sys.stderr)\nsubprocess.run(['echo', 'three'])\n"
        "os.system('echo four >&2')\nos.write(1, b'five\\n')"
    )
    code, out, err, text = run_job(body, log)
    assert (code, out, err) == (0, "after\n", "")
    assert sorted(text.split()) == sorted(["one", "two", "three", "four", "five"])
    assert run_job("print('anew')", log)[3] == "anew\n"


def test_what_is_said_reaches_the_user_and_the_log(tmp_path):
    code, out, err, text = run_job("say('Half done.')\nprint('detail')", tmp_path / "log")
    assert (code, out, err) == (0, "after\n", "Half done.\n")
    assert sorted(text.splitlines()) == ["Half done.", "detail"]


def test_a_mistake_of_the_user_is_a_sentence_without_a_traceback(tmp_path):
    code, out, err, text = run_job(
        "print('before')\nraise UserError('Line 3 is wrong.', 'Line 4 too.')", tmp_path / "log"
    )
    assert (code, out, err) == (1, "", "Line 3 is wrong.\nLine 4 too.\n")
    assert text == "before\nLine 3 is wrong.\nLine 4 too.\n"


def test_any_other_error_is_a_line_for_the_user_and_a_traceback_in_the_log(tmp_path):
    code, out, err, text = run_job("def inner():\n    raise KeyError('k')\ninner()", tmp_path / "log")
    assert (code, out) == (1, "")
    assert err == f"KeyError: 'k'\nThe whole story is in {tmp_path / 'log'}.\n"
    assert text.startswith("Traceback (most recent call last):")
    assert "in inner" in text


def test_an_interrupt_is_passed_on_and_the_terminal_given_back(tmp_path):
    code, out, err, _ = run_job("raise KeyboardInterrupt", tmp_path / "log")
    assert code != 0
    assert out == ""
    assert "KeyboardInterrupt" in err


def test_recorded_gives_back_the_streams_in_the_same_process(tmp_path, capfd):
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else None

    def job():
        with logbook.recorded(tmp_path / "log"):
            os.write(1, b"inside")
            raise UserError("A sentence.")

    for _ in range(3):
        with pytest.raises(SystemExit, match=r"^A sentence\.$"):
            job()
    os.write(1, b"outside")
    assert capfd.readouterr() == ("outside", "")
    assert (tmp_path / "log").read_text() == "insideA sentence.\n"
    assert before is None or len(os.listdir("/proc/self/fd")) == before


STAN = {
    "main.stan": 'functions {\n#include a.stanfunctions\n  #include "b.stanfunctions"\n}\n// #include no.stan\n',
    "functions/a.stanfunctions": "#include c.stanfunctions\n",
    "functions/b.stanfunctions": "#include <c.stanfunctions>\n#include a.stanfunctions\n",
    "functions/c.stanfunctions": "// nothing\n",
    "functions/other.stanfunctions": "// not included\n",
    "kernels/b.stanfunctions": "real b();\n",
    "kernels/main.hpp": '#include <vector>\n#include "shared.hpp"\n',
    "kernels/shared.hpp": "// double b()\n",
    "kernels/other.hpp": "// of another program\n",
    "other.stan": "// another program\n",
}
PLAIN = {"main.stan", *(f"functions/{name}.stanfunctions" for name in "abc")}
FAST = {"main.stan", "functions/a.stanfunctions", "functions/c.stanfunctions", "kernels/b.stanfunctions"}
FAST |= {"kernels/main.hpp", "kernels/shared.hpp"}


def written(folder):
    for name, text in STAN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def stan(tmp_path):
    return written(tmp_path)


@pytest.mark.parametrize(("kernel", "expected"), [(False, PLAIN), (True, FAST)], ids=["plain", "kernel"])
def test_sources_are_the_program_and_its_includes_each_once(stan, kernel, expected):
    names = [path.relative_to(stan).as_posix() for path in programs.sources("main", stan, kernel)]
    assert names[0] == "main.stan"
    assert sorted(names) == sorted(expected)


def test_an_include_that_is_nowhere_is_named(stan):
    (stan / "functions/c.stanfunctions").unlink()
    with pytest.raises(FileNotFoundError, match=r"includes c\.stanfunctions, which is in none of"):
        programs.sources("main", stan, False)


@pytest.mark.parametrize("program", ["univariate", "multivariate"])
@pytest.mark.parametrize("kernel", [False, True], ids=["plain", "kernel"])
def test_the_shipped_programs_sources_exist(root, program, kernel):
    found = programs.sources(program, root / "stan", kernel)
    assert all(path.is_file() for path in found)
    assert any(path.suffix == ".hpp" for path in found) is kernel


@pytest.mark.parametrize(("kernel", "expected"), [(False, PLAIN), (True, FAST)], ids=["plain", "kernel"])
@pytest.mark.parametrize("changed", sorted(STAN))
def test_the_name_of_a_program_s_content_follows_its_sources_alone(changed, stan, kernel, expected):
    before = programs.content_key("main", stan, kernel, "2.27.0", "g++")
    assert before == programs.content_key("main", stan, kernel, "2.27.0", "g++")
    (stan / changed).write_text(STAN[changed] + " ")
    after = programs.content_key("main", stan, kernel, "2.27.0", "g++")
    assert (after == before) is (changed not in expected)
    assert len(after) == 32
    assert int(after, 16) >= 0


def test_the_name_of_a_program_s_content_follows_version_and_flags_and_not_the_place(stan, tmp_path):
    keys = {
        programs.content_key("main", stan, False, *c)
        for c in ((), ("2.27.0",), ("2.28.0",), ("2.27.0", "-O2"), ("2.27.", "0"))
    }
    assert len(keys) == 5
    moved = written(tmp_path / "elsewhere")
    key = programs.content_key("main", moved, False, "2.27.0")
    assert key == programs.content_key("main", stan, False, "2.27.0")
    assert key != programs.content_key("main", moved, True, "2.27.0")
    # what moves from one file to the next is another program
    (moved / "main.stan").write_text(STAN["main.stan"].removesuffix("\n"))
    assert programs.content_key("main", moved, False, "2.27.0") != key


def names_of(paths):
    return {path.relative_to(WORKFLOW / "stanmix").as_posix() for path in paths}


@pytest.fixture(scope="module")
def loaded():
    """For each script the package's files that importing what it imports, and calling nothing, loads."""
    code = (
        "import ast, json, sys, warnings\nfrom pathlib import Path\nresult = {}\n"
        "warnings.simplefilter('ignore')\n"
        "for script in map(Path, sys.argv[1:]):\n"
        "    for name in [n for n in sys.modules if n.split('.')[0] == 'stanmix']: del sys.modules[name]\n"
        "    tree = ast.parse(script.read_text())\n"
        "    tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]\n"
        "    exec(compile(tree, script, 'exec'), {})\n"
        "    modules = [m for n, m in sys.modules.items() if n.split('.')[0] == 'stanmix']\n"
        "    result[script.stem] = [m.__file__ for m in modules]\n"
        "print(json.dumps(result))"
    )
    out, err = python(code, *SCRIPTS).communicate()
    assert err == ""
    return {script: {Path(path) for path in paths} for script, paths in json.loads(out).items()}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_module_that_a_script_loads_is_declared(script, loaded):
    declared = set(dependencies.code_of(script))
    assert loaded[script.stem] <= declared
    assert {"__init__.py", "jobs/logbook.py", "base/errors.py"} <= names_of(declared)
    assert all(path.is_file() for path in declared)
    assert script not in declared


def test_imports_inside_functions_and_templates_are_declared_and_no_more():
    declared = {script.stem: names_of(dependencies.code_of(script)) for script in SCRIPTS}
    of_page = {"templates/report.html.j2", "templates/page.css", "base/tables.py", "report/invariants.py"}
    assert of_page <= declared["report"]
    assert {"templates/table.html.j2", "templates/page.css"} <= declared["assess"]
    assert {"stan/cmdstan.py", "base/seeds.py", "fits/starts.py"} <= declared["fit"]
    assert {"figures/traces.py", "figures/style.py", "figures/__init__.py"} <= declared["draw_fit"]
    # an edit of the figures or of the report must not sample again
    for script in ("fit", "simulate", "read", "compile"):
        drawn = ("figures/", "templates/", "report/", "base/tables")
        assert not {name for name in declared[script] if name.startswith(drawn)}
    # assessing fits a model again without observations whose Pareto k is too large, the report does not
    assert "stan/cmdstan.py" in declared["assess"]
    sampling = {"stan/cmdstan.py", "assess/refitting.py"}
    assert sampling <= declared["assess"]
    assert not sampling & (declared["report"] | declared["compare"] | declared["draw_fit"])


def imported(source):
    """What a module imports of the package, by its syntax and without what only types name."""
    waiting, names = [ast.parse(source)], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {file for name in names if name.split(".")[0] == "stanmix" for file in dependencies._files(name)}


def test_imports_that_lines_show_are_those_of_the_syntax():
    for module in dependencies.PACKAGE.rglob("*.py"):
        assert dependencies._imports(module) == imported(module.read_text(encoding="utf-8")), module


def test_a_made_up_package_shows_lazy_imports_and_templates(tmp_path, monkeypatch):
    package = tmp_path / "stanmix"
    for name, text in {
        "__init__.py": "",
        "a.py": "def f():\n    from stanmix.sub import b\n    import json\n",
        "sub/__init__.py": "",
        "sub/b.py": "import stanmix.c as d\nNAME = 'page.html.j2'\n",
        "c.py": "from stanmix.a import f\nif TYPE_CHECKING:\n    from stanmix.unused import g\n",
        "unused.py": "",
        "templates/page.html.j2": '{% include "page.css" %}{% include "page.js" %}',
        "templates/page.css": "",
        "templates/page.js": "",
        "templates/unused.css": "",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    (tmp_path / "script.py").write_text("import numpy\nimport stanmixture\nfrom stanmix import a\n")
    monkeypatch.setattr(dependencies, "PACKAGE", package)
    found = [path.relative_to(package).as_posix() for path in dependencies.code_of(tmp_path / "script.py")]
    assert found == [
        "__init__.py",
        "a.py",
        "c.py",
        "sub/__init__.py",
        "sub/b.py",
        "templates/page.css",
        "templates/page.html.j2",
        "templates/page.js",
    ]


def test_a_digest_names_places_and_content_and_nothing_else(tmp_path, monkeypatch):
    found = []
    for place in ("here", "there"):
        code = tmp_path / place
        (code / "workflow" / "stanmix").mkdir(parents=True)
        monkeypatch.setattr(dependencies, "PACKAGE", code / "workflow" / "stanmix")
        paths = [code / "workflow" / "stanmix" / "a.py", code / "model.stan"]
        for path in paths:
            path.write_text(path.name)
        found.append(dependencies.digest(paths))
    os.utime(paths[0], (1, 1))
    assert found[0] == found[1] == dependencies.digest(paths[::-1])
    other = paths[0].rename(paths[0].with_name("b.py"))
    assert dependencies.digest([other, paths[1]]) != found[0]
    other.rename(paths[0]).write_text("edited")
    assert dependencies.digest(paths) != found[0]


@pytest.fixture
def git(tmp_path, monkeypatch):
    """A fresh repository without the user's settings, and a function that runs git in it."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    place = tmp_path / "code"
    (place / "below").mkdir(parents=True)

    def run(*arguments):
        command = ["git", "-C", str(place), "-c", "user.name=n", "-c", "user.email=e@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    run.place = place
    return run


def test_the_state_of_the_code_is_its_commit_and_whether_it_was_changed(git):
    assert manifest.code_state(git.place) == {"commit": None, "dirty": None}
    git("init")
    assert manifest.code_state(git.place) == {"commit": None, "dirty": None}
    (git.place / "a.txt").write_text("one")
    (git.place / "below" / "b.txt").write_text("one")
    (git.place / ".gitignore").write_text("results\n")
    git("add", ".")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD")
    assert len(commit) == 40
    assert manifest.code_state(git.place) == {"commit": commit, "dirty": False}
    (git.place / "results").write_text("ignored")
    assert manifest.code_state(git.place / "below") == {"commit": commit, "dirty": False}
    (git.place / "a.txt").write_text("two")
    assert manifest.code_state(git.place / "below") == {"commit": commit, "dirty": True}
    git("checkout", "a.txt")
    (git.place / "new.txt").write_text("untracked")
    assert manifest.code_state(git.place) == {"commit": commit, "dirty": True}
    # an installed package in an environment below somebody's own checkout
    (git.place / "venv").mkdir()
    (git.place / "venv" / "module.py").write_text("untracked")
    assert manifest.code_state(git.place / "venv") == {"commit": None, "dirty": None}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a clone away")
def test_the_commit_of_a_clone_that_belongs_to_someone_else(git):
    git("init")
    (git.place / "below" / "code.py").write_text("")
    git("add", ".")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD")
    for path in (git.place, git.place / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(subprocess.CalledProcessError):
        git("rev-parse", "HEAD")
    assert manifest.code_state(git.place / "below") == {"commit": commit, "dirty": False}


def test_no_git_at_all_is_no_error(git, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert manifest.code_state(git.place) == {"commit": None, "dirty": None}


def test_the_manifest_names_every_artifact_by_its_hash(tmp_path, monkeypatch, git):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"abc")
    (tmp_path / "a.csv").write_bytes(b"")
    files.write_json("toolchain.json", {"cmdstan": "2.27.0"})
    config = {"seed": 3, "datasets": {"é": {}}}
    for output in ("one.json", "two.json"):
        manifest.write_manifest(["b.csv", "a.csv"], "toolchain.json", config, {"data/x.csv": "12ab"}, git.place, output)
    assert Path("one.json").read_bytes() == Path("two.json").read_bytes()
    content = files.read_json("one.json")
    assert list(content["artifacts"].items()) == [
        ("a.csv", hashlib.sha256(b"").hexdigest()),
        ("b.csv", hashlib.sha256(b"abc").hexdigest()),
    ]
    assert content["config"] == config
    assert content["data"] == {"data/x.csv": "12ab"}
    assert content["toolchain"] == {"cmdstan": "2.27.0"}
    assert content["code"] == {"commit": None, "dirty": None}
    assert content["python"] == ".".join(map(str, sys.version_info[:3]))
    import numpy as np

    assert content["packages"]["numpy"] == np.__version__
    assert list(content["packages"]) == sorted(content["packages"])
