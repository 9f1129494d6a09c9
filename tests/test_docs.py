"""The pages: every command, option, specification, link and block of Python in them is one that works."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import torch

from docs import generate, run
from facecheck import cli
from facecheck.corruptions import Applied
from facecheck.datasets.open import DATASET_KINDS, split_datasets
from facecheck.models import Settings
from facecheck.models.build import split_models
from facecheck.models.files import FILE_KINDS
from facecheck.models.published import BUILT_IN
from facecheck.models.recognizer import Recognizer
from facecheck.plugin import markers, options
from facecheck.results.verdict import Verdict
from tests.support import documents, runs
from tests.support.documents import PAGES, ROOT

FLAGS = {f"--facecheck-{name.replace('_', '-')}" for name in (*options._NAMES, *options._SWITCHES)}
SWITCHES = {f"--facecheck-{name}" for name in options._SWITCHES}
OF_PYTEST = {"-k": 1, "-m": 1, "-n": 1, "-q": 0, "--co": 0, "--dist": 1, "--junitxml": 1, "-x": 0, "-p": 1}
ENVIRONMENT = {
    "FACECHECK_DATA",
    "FACECHECK_GPU",
    "FACECHECK_NOTE_TOKEN",
    "FACECHECK_WEIGHTS",
}  # beside those of the options
CASES = [path.stem for path in (ROOT / "evals").glob("test_*.py")] + re.findall(
    r"def (test_\w+)", "".join(path.read_text() for path in (ROOT / "evals").glob("test_*.py"))
)
EVALS = re.findall(
    r"mark\.(?:eval|sweep)\(\s*\"(\w+)\"", "".join(path.read_text() for path in (ROOT / "evals").glob("test_*.py"))
)


def named(path: Path) -> str:
    """Return a page's name, as the id of a case."""
    return path.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=named)


@pytest.mark.parametrize("name", generate.PAGES)
def test_reference_pages_say_what_the_code_says(name: str) -> None:
    """A new option, metric, limit or corruption stands there once docs/generate.py has been run."""
    committed = (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")

    assert committed == generate.page(name), "run: uv run python -m docs.generate"


def test_the_reference_leaves_nothing_out() -> None:
    """Each option of pytest and each command stands there by its name."""
    every_option = (ROOT / "docs/reference/options.md").read_text()
    every_command = (ROOT / "docs/reference/commands.md").read_text()

    assert not [flag for flag in FLAGS if f"`{flag}" not in every_option]
    assert {"compare", "generate eg3d", "generate faces", "init", "migrate", "trend"} <= generate.commands().keys()
    assert not [name for name in generate.commands() if f"## facecheck {name}\n" not in every_command]


@every_page
def test_commands_are_taken(page: Path) -> None:
    """Every command of facecheck parses, every option and specification of pytest evals/ exists, so does each file."""
    for words in documents.commands(page):
        check_command(words)


@every_page
def test_options_that_prose_names_exist(page: Path) -> None:
    """A page names no option, variable or command that there is not."""
    text = page.read_text(encoding="utf-8")
    variables = {f"FACECHECK_{name.upper()}" for name in (*options._NAMES, *options._SWITCHES)} | ENVIRONMENT

    assert {name for name in re.findall(r"--facecheck-[a-z-]*[a-z]", text) if not text.count(f"{name}-*")} <= FLAGS
    assert set(re.findall(r"\bFACECHECK_[A-Z_]+", text)) <= variables
    for words in documents.mentioned(page):
        if words[0] == "facecheck":
            check_mentioned(words)


def test_what_the_runner_of_the_pages_knows_is_in_them() -> None:
    """No entry of docs/run.toml outlives its command; each command that is a line is among those that are run."""
    found = list(run.every_command())
    texts = [f"{command.text}\n" for command in found]

    for table in ("left_out", "long", "red", "ends_with_1", "ends_with_5"):
        assert not [part for part in run.KNOWN[table] if not any(part in text for text in texts)], table
    for table in ("before", "after"):
        assert not [part for part in run.KNOWN[table] if not any(re.search(part, text) for text in texts)], table
    spans = {shlex.join(words) for page in PAGES for words in documents.mentioned(page)}
    assert set(run.KNOWN["names"]) <= spans
    made = [*texts, *run.KNOWN["before"].values()]
    for pattern in run.KNOWN["replaced"]:
        assert any(re.search(pattern, text) for text in made), pattern
    assert {command.page for command in found} >= {
        "README.md",
        "CONTRIBUTING.md",
        "docs/running.md",
        "docs/measured.md",
    }
    assert len({(command.in_clone, command.text) for command in found}) == len(found)


def check_command(words: list[str]) -> None:
    """Assert that the words are a command that we would take, if it is one of ours."""
    program = "pytest" if words[:3] == ["python", "-m", "pytest"] else words[0]
    if program == "facecheck":
        cli._parser(words[1:]).parse_args(cli._joined(words[1:]))  # exits with the reason
    elif program == "pytest":
        check_pytest(words[3 if words[0] == "python" else 1 :])
    elif program == "python" and words[1] == "-m":
        assert importlib.util.find_spec(words[2]), words
    elif program == "python":
        assert (ROOT / words[1]).is_file(), words


def check_mentioned(words: list[str]) -> None:
    """Assert that a command is there, and each option of it, whatever else is left out."""
    known = generate.commands()
    name = " ".join(words[1:3]) if " ".join(words[1:3]) in known else words[1]
    families = {command.split()[0] for command in known}
    assert name in known or name in families | {"COMMAND"}, words
    if name in known:
        taken = set(known[name]._option_string_actions)
        assert {word for word in words if word.startswith("--")} <= taken, words


def check_pytest(words: list[str]) -> None:
    """Assert that options, files and specifications of a call of pytest exist."""
    waiting = list(words)
    while waiting:
        word, equals, value = waiting.pop(0).partition("=")
        if word in FLAGS - SWITCHES:
            check_value(word, value if equals else waiting.pop(0))
        elif word.startswith("-"):
            assert word in SWITCHES or word in OF_PYTEST, words
            for _ in range(OF_PYTEST.get(word, 0)):
                check_selection(word, waiting.pop(0))
        else:
            assert (ROOT / word.partition("::")[0]).exists(), words


def check_selection(option: str, value: str) -> None:
    """Assert that what chooses cases chooses some."""
    names = re.findall(r"\w+", value)
    if option == "-k":
        assert all(any(name in case for case in CASES) for name in names if name not in ("and", "or", "not")), value
    if option == "-m":
        known = " ".join(markers.MARKERS)
        assert all(re.search(rf"\b{name}\b", known) for name in names if name not in ("and", "or", "not")), value


def check_value(option: str, value: str) -> None:
    """Assert that a specification or a word is known."""
    if option in ("--facecheck-models", "--facecheck-against"):
        for spec in split_models(value):
            kind = re.split(r"[:?]", spec)[0]
            assert kind in BUILT_IN or kind in FILE_KINDS or ":" in spec or spec.isupper(), spec
    elif option == "--facecheck-datasets":
        for spec in split_datasets(value):
            assert re.split(r"[:?]", spec)[0] in DATASET_KINDS, spec
    elif option == "--facecheck-evals":
        assert set(value.split(",")) <= set(EVALS), value
    elif option == "--facecheck-corruptions":
        assert [Applied.parse(each) for each in value.split(",")]


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    """Every file and picture that a page links to is there, and every heading."""
    for target in documents.links(page):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{target}: no such file"
        assert path.is_relative_to(ROOT), f"{target}: leads out of the repository"
        if anchor:
            assert anchor in documents.anchors(path), f"{target}: no such heading"


def test_every_page_has_one_place_in_the_navigation() -> None:
    """A page that no list names cannot be found."""
    module = ast.parse((ROOT / "docs/conf.py").read_text())
    table = next(
        n.value for n in module.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "NAVIGATION"
    )
    placed = [name for names in ast.literal_eval(table).values() for name in names]
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in PAGES[1:]} - {"index"}

    assert len(placed) == len(set(placed))
    assert not pages - set(placed)


def test_python_and_toml_in_pages_is_valid() -> None:
    """Every block compiles; there are some."""
    found = [block for page in PAGES for block in documents.blocks(page)]
    for block in found:
        if block.language == "python":
            compile(block.text, "page", "exec")
        elif block.language == "toml":
            tomllib.loads(block.text)

    assert {"python", "toml", "console"} <= {block.language for block in found}


def test_the_example_of_a_model_runs() -> None:
    """What docs/your-model.md shows whole is a recogniser."""
    (text,) = [block.text for block in documents.blocks(ROOT / "docs/your-model.md") if block.runs]
    names: dict[str, object] = {}
    exec(compile(text, "your-model.md", "exec"), names)  # noqa: S102 - our own page
    build = names["build"]

    assert callable(build)
    assert isinstance(build(Settings(device=torch.device("cpu"))), Recognizer)


def test_the_example_of_frames_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What docs/reading-the-report.md shows prints the EER of a run."""
    verdict = Verdict(eval="verification", case="c", outcome="skipped", reason="r")
    runs.made_run([runs.DLIB], {}, verdicts=[verdict]).write(tmp_path / "reports" / "latest")
    monkeypatch.chdir(tmp_path)
    (text,) = [block.text for block in documents.blocks(ROOT / "docs/reading-the-report.md") if block.runs]
    exec(compile(text, "reading-the-report.md", "exec"), {})  # noqa: S102 - our own page

    assert re.search(r"verification\s+dlib\s+faces\s+0\.\d+", capsys.readouterr().out)


@pytest.mark.parametrize(
    "words",
    [
        ["facecheck", "limits", "RUN", "--wy", "x"],
        ["pytest", "evals/", "--facecheck-modles", "dlib"],
        ["pytest", "evals/test_posse.py"],
        ["pytest", "evals/", "-k", "judged_wrongly"],
        ["pytest", "evals/", "--facecheck-datasets", "lwf:DIR"],
        ["pytest", "evals/", "--facecheck-evals", "blurr"],
        ["python", "benchmarks/nothing.py"],
    ],
    ids=" ".join,
)
def test_a_slip_is_seen(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The checks are not satisfied by everything."""
    with pytest.raises((AssertionError, SystemExit)):
        check_command(words)
    capsys.readouterr()


def test_commands_are_read_as_a_shell_reads_them(tmp_path: Path) -> None:
    """Continued lines, comments, variables, redirections, here documents and ``uv run``."""
    page = tmp_path / "page.md"
    page.write_text(
        '```console\nA=1 uv run pytest evals/ \\\n  -m "not timing"  # all\n'
        "facecheck limits R --why 'a b' >> f && facecheck init\ncat > x <<'T'\nfacecheck nonsense\nT\npytest\n```\n"
        "\n    facecheck history\n"
    )

    assert documents.commands(page) == [
        ["pytest", "evals/", "-m", "not timing"],
        ["facecheck", "limits", "R", "--why", "a b"],
        ["facecheck", "init"],
        ["cat"],
        ["pytest"],
        ["facecheck", "history"],
    ]
    assert documents.lines(page) == [
        'A=1 uv run pytest evals/ -m "not timing"',
        "facecheck limits R --why 'a b' >> f && facecheck init",
        "cat > x <<'T'\nfacecheck nonsense\nT",
        "pytest",
        "facecheck history",
    ]
