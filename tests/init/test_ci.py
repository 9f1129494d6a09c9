"""What runs on GitHub and GitLab: rights, actions, commands that parse, and the comment's script on hostile files."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import check_jsonschema
import jsonschema
import pytest
import yaml
from _pytest.config import _prepareconfig

from facecheck.cli import _joined, _parser, main
from facecheck.init.command import initialise
from facecheck.init.sources import CI, ci_files
from facecheck.report.markdown import MARKER

ROOT = Path(__file__).parents[2]
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = {
    "actions/cache@v5",
    "actions/checkout@v6",
    "actions/download-artifact@v7",
    "actions/github-script@v8",
    "actions/setup-python@v6",
    "actions/upload-artifact@v6",
}
ALLOWED = {"contents": {"read"}, "actions": {"read"}, "pull-requests": {"write"}}


def given(service: str) -> dict[str, Any]:
    """Return the files that a service reads, by name."""
    files = {path.name: content for path, content in ci_files(service).items()}
    return {name: yaml.safe_load(content) for name, content in files.items() if name.endswith(".yml")}


WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in OWN} | {
    f"team's {name}": content for name, content in given("github").items()
}


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


@pytest.fixture(params=WORKFLOWS)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each workflow of this project, and each that a team gets."""
    content: dict[str, Any] = WORKFLOWS[request.param]
    return content


def test_every_job_has_least_rights_a_time_limit_and_official_actions(workflow: dict[str, Any]) -> None:
    """Nothing is granted above the jobs; only the comment writes; nothing is fetched at a branch of somebody's."""
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert all(right in ALLOWED[name] for name, right in job["permissions"].items())
        assert job["timeout-minutes"] <= 350
    assert {step["uses"] for step in steps(workflow) if "uses" in step} <= ACTIONS
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_what_others_wrote_reaches_no_shell(workflow: dict[str, Any]) -> None:
    """An expression in a command is a place where a branch's name is executed; commands get variables instead."""
    for step in steps(workflow):
        assert "${{" not in step.get("run", "") + step.get("with", {}).get("script", "")


def test_only_the_comment_writes_and_it_checks_nothing_out() -> None:
    """It runs with rights on the text of anybody."""
    (writer,) = [
        name for name, each in WORKFLOWS.items() if "pull-requests" in str(each) and not name.startswith("team")
    ]
    comment = WORKFLOWS[writer]

    assert writer == "facecheck-comment.yml"
    assert comment == WORKFLOWS["team's facecheck-comment.yml"]
    assert comment[True] == {"workflow_run": {"workflows": ["facecheck"], "types": ["completed"]}}  # yaml's "on"
    assert comment["jobs"]["comment"]["if"] == "github.event.workflow_run.event == 'pull_request'"
    assert not [step for step in steps(comment) if "run" in step or "checkout" in step.get("uses", "")]
    assert all(WORKFLOWS[name]["name"] == "facecheck" for name in ("facecheck.yml", "team's facecheck.yml"))


def test_a_forks_code_never_reaches_a_runner_of_ours() -> None:
    """The job on one's own machine asks where the pull request comes from."""
    gpu = WORKFLOWS["team's facecheck.yml"]["jobs"]["gpu"]

    assert gpu["runs-on"] == ["self-hosted", "linux", "gpu"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in gpu["if"]
    assert "vars.FACECHECK_GPU == 'true'" in gpu["if"]
    for each in WORKFLOWS.values():
        assert not [j for n, j in each["jobs"].items() if n != "gpu" and "self-hosted" in str(j["runs-on"])]


# Every command, as the shell would split it.


def scripts() -> Iterator[str]:
    for each in WORKFLOWS.values():
        yield from (step["run"] for step in steps(each) if "run" in step)
    for job in given("gitlab")["facecheck.gitlab-ci.yml"].values():
        yield from (line for key in ("before_script", "script", "after_script") for line in job.get(key, ()))


def commands(word: str) -> list[list[str]]:
    """Return the arguments of every call of a program, its variables replaced."""
    found = set()
    for line in (line for script in scripts() for line in script.splitlines()):
        plain = re.sub(r"\$\([^)]*\)", "2", re.sub(r"\s*>+ .*", "", line)).replace("$LINK", "https://a.example/1")
        calls = re.search(rf"(?:^|uv run |-m ){word} (.*)", plain.strip())
        if calls and "pip install" not in plain:
            found.add(tuple(shlex.split(calls[1])))
    return sorted(map(list, found))


def test_every_pytest_command_names_options_that_exist() -> None:
    """The plugin's and xdist's; an option that is gone would be found at night."""
    found = commands("pytest")
    options = {word for each in found for word in each if word.startswith("--facecheck")}

    assert len(found) >= 6
    assert {"--facecheck-device", "--facecheck-full", "--facecheck-reports"} <= options
    usual = ["--noconftest", "-p", "facecheck.plugin.options", "-c", str(ROOT / "pyproject.toml")]
    for arguments in found:
        _prepareconfig([*usual, *arguments])._ensure_unconfigure()
    with pytest.raises(pytest.UsageError, match="unrecognized arguments: --facecheck-speed"):
        _prepareconfig([*usual, "--facecheck-speed"])


def test_every_facecheck_command_parses() -> None:
    """As the command line takes them."""
    found = commands("facecheck")

    assert ["report", "$RUN", "--markdown", "--comment", "--link", "https://a.example/1"] in found
    for arguments in found:
        assert callable(_parser(arguments).parse_args(_joined(arguments)).run)


# Other programs that know the formats.


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """In this project's workflows and in a team's; the label gpu is a team's own."""
    (tmp_path / "labels.yaml").write_text("self-hosted-runner:\n  labels: [gpu]\n")
    files = [str(path) for path in OWN]
    for path, content in ci_files("github").items():
        (tmp_path / path.name).write_bytes(content)
        files.append(str(tmp_path / path.name))
    command = [str(Path(sys.executable).parent / "actionlint"), "-config-file", str(tmp_path / "labels.yaml")]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_gitlab_knows_every_key() -> None:
    """By the schema that GitLab publishes, out of check-jsonschema."""
    vendored = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / "gitlab-ci.json"
    validator = jsonschema.Draft7Validator(json.loads(vendored.read_text()))
    for content in given("gitlab").values():
        assert [error.message for error in validator.iter_errors(content)] == []
    assert list(validator.iter_errors({"job": {"script": 5}}))


def test_gitlabs_jobs_share_cache_artifacts_and_rules() -> None:
    """JUnit is shown, the page is linked to; GPUs only where a project has said so, in parallel, by their tag."""
    jobs = given("gitlab")["facecheck.gitlab-ci.yml"]
    gpu, nightly = jobs["facecheck-gpu"], jobs["facecheck-nightly"]

    assert jobs[".facecheck"]["artifacts"]["reports"] == {"junit": "junit.xml"}
    assert jobs[".facecheck"]["artifacts"]["when"] == "always"
    assert gpu["tags"] == ["gpu"]
    assert gpu["rules"][0] == {"if": '$FACECHECK_GPU != "true"', "when": "never"}
    evals = [name for group in gpu["parallel"]["matrix"][0]["FACECHECK_EVALS"] for name in group.split(",")]
    asked = {
        mark
        for path in (Path(__file__).parents[2] / "evals").glob("test_*.py")
        for mark in re.findall(r'eval\(\s*"(\w+)"', path.read_text())
    }
    sweeps = {"blur", "resolution", "filters", "occlusion", "corruptions"}  # they name theirs otherwise
    assert sorted(evals) == sorted((asked | sweeps) - {"update", "timing"})
    assert nightly["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]
    note = jobs["facecheck-note"]
    assert (note["needs"], note["rules"][0]["when"]) == (["facecheck-cpu"], "always")
    assert "$FACECHECK_NOTE_TOKEN" in note["rules"][0]["if"]


class GitLab(BaseHTTPRequestHandler):
    """A stand-in for GitLab's API: who the token is, and notes of one merge request, two a page."""

    notes: ClassVar[list[dict[str, Any]]] = []
    done: ClassVar[list[tuple[str, str, str]]] = []

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, content: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def do_GET(self) -> None:
        """Return the user, or a page of notes."""
        assert self.headers["PRIVATE-TOKEN"] == "secret"
        if self.path == "/api/v4/user":
            return self._answer({"id": 9})
        page = int(self.path.rpartition("page=")[2])
        return self._answer(self.notes[2 * page - 2 : 2 * page])

    def _write(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        self.done.append((self.command, self.path, body))
        self._answer({})

    def do_POST(self) -> None:
        """Take a new note."""
        self._write()

    def do_PUT(self) -> None:
        """Take a note's new text."""
        self._write()


@pytest.fixture
def gitlab() -> Iterator[type[GitLab]]:
    """A server that answers as GitLab does."""
    GitLab.notes, GitLab.done = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), GitLab) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        GitLab.address = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        yield GitLab
        server.shutdown()


def noted(gitlab: type[GitLab], comment: Path) -> tuple[int, str]:
    """Run the note's script, and return its status and what it said."""
    script = ROOT / "facecheck" / "init" / "files" / CI["gitlab"][".gitlab/facecheck_note.py"]
    environment = {
        "CI_API_V4_URL": f"{gitlab.address}/api/v4",  # type: ignore[attr-defined]
        "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "4",
        "CI_PIPELINE_URL": "https://a.example/p/1",
        "FACECHECK_NOTE_TOKEN": "secret",
    }
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(comment)], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_gitlabs_note_is_made_once_and_then_updated(gitlab: type[GitLab], tmp_path: Path) -> None:
    """Only a note of the token's own user with the marker is ours, on whatever page; text of others does nothing."""
    comment = tmp_path / "comment.md"
    comment.write_text(f"{MARKER}\n## facecheck: failed\n@everyone\n/approve\n  /merge\na/b")
    assert noted(gitlab, comment)[0] == 0
    ((method, path, body),) = gitlab.done
    assert (method, path) == ("POST", "/api/v4/projects/3/merge_requests/4/notes")
    assert body.startswith(f"{MARKER}\n\nFrom [this pipeline](https://a.example/p/1).\n\n## facecheck: failed")
    assert body.endswith("\n@\u200beveryone\n\u200b/approve\n  \u200b/merge\na/b")

    strangers = [{"id": number, "author": {"id": 8}, "body": MARKER} for number in range(4)]
    gitlab.notes, gitlab.done = [*strangers, {"id": 77, "author": {"id": 9}, "body": body}], []
    assert noted(gitlab, comment)[0] == 0
    assert [each[:2] for each in gitlab.done] == [("PUT", "/api/v4/projects/3/merge_requests/4/notes/77")]


def test_gitlabs_note_says_that_there_are_no_results(gitlab: type[GitLab], tmp_path: Path) -> None:
    """A job that died leaves no text; a link is none, and too much is refused."""
    assert noted(gitlab, tmp_path / "absent.md")[0] == 0
    link = tmp_path / "link.md"
    link.symlink_to("/etc/passwd")
    assert noted(gitlab, link)[0] == 0
    assert [("no results" in body, "root:" in body) for _, _, body in gitlab.done] == [(True, False)] * 2
    large = tmp_path / "large.md"
    large.write_text("a" * 200_001)
    status, told = noted(gitlab, large)
    assert status == 1
    assert "has 200001 bytes, expected at most 200000" in told


# What init writes.


@pytest.mark.parametrize("service", CI)
def test_init_writes_a_services_files_beside_the_others(service: str, tmp_path: Path) -> None:
    """Once; a second time they are the same, and an edited one is left alone."""
    first = {each.path: each.state for each in initialise(tmp_path, ci=service)}
    paths = set(CI[service])

    assert paths <= first.keys()
    assert set(first.values()) == {"written"}
    edited = tmp_path / min(paths - {".gitlab-ci.yml"})
    edited.write_text("mine: 1\n")
    again = {each.path: each.state for each in initialise(tmp_path, ci=service) if each.path in paths}
    assert again.pop(str(edited.relative_to(tmp_path))) == "differs"
    assert set(again.values()) <= {"same", "yours"}
    assert not {each.path for each in initialise(tmp_path)} & paths


def test_a_pipeline_of_theirs_is_told_what_to_include(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is never written to."""
    (tmp_path / ".gitlab-ci.yml").write_text("stages: [build]\n")

    assert main(["init", str(tmp_path), "--ci", "gitlab"]) == 0
    assert "      - local: .gitlab/facecheck.gitlab-ci.yml" in capsys.readouterr().out
    assert (tmp_path / ".gitlab-ci.yml").read_text() == "stages: [build]\n"


# The comment's script, run by node against a stand-in for GitHub.

HARNESS = """
const { script, comments, pulls, artifacts, conclusion } = JSON.parse(process.argv[1]);
const done = [];
const keep = (name) => (given) => { done.push([name, given]); return {}; };
const github = {
  paginate: async () => comments,
  rest: {
    actions: { listWorkflowRunArtifacts: async () => ({ data: { artifacts } }) },
    pulls: { list: async (asked) => { done.push(["list", asked]); return { data: pulls }; } },
    issues: { listComments: {}, updateComment: keep("update"), createComment: keep("create") },
  },
};
const output = (name, value) => done.push([name, value]);
const core = { notice: keep("notice"), setFailed: keep("failed"), setOutput: output };
const run = {
  id: 7, event: "pull_request", conclusion, head_sha: "abc", head_branch: "fix", html_url: "https://a.example/7",
  head_repository: { owner: { login: "eve" } },
};
const context = { repo: { owner: "o", repo: "r" }, payload: { workflow_run: run } };
const AsyncFunction = (async () => {}).constructor;
new AsyncFunction("github", "context", "core", "require", "process", script)(github, context, core, require, process)
  .then(() => console.log(JSON.stringify(done)), (error) => { console.error(error); process.exitCode = 1; });
"""
PULLS = [{"number": 1, "head": {"sha": "old"}}, {"number": 12, "head": {"sha": "abc"}}]


def played(step: int, comment: Path = Path("absent"), *, kept: str = "7", **given: object) -> list[list[Any]]:
    """Return what a script of the comment's workflow does."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: it runs the script of the comment's workflow")
    script = [each for each in steps(WORKFLOWS["facecheck-comment.yml"]) if "script" in each["with"]][step]["with"][
        "script"
    ]
    asked = {"script": script, "comments": [], "pulls": PULLS, "artifacts": [], **given}
    done = subprocess.run(
        [node, "-e", HARNESS, json.dumps(asked)],
        env={"COMMENT": str(comment), "KEPT": kept},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[Any]] = json.loads(done.stdout)
    return found


def test_the_comment_is_made_once_and_then_updated_in_place(tmp_path: Path) -> None:
    """On the pull request whose last commit was run; only a comment of a bot's with the marker is ours."""
    comment = tmp_path / "comment.md"
    comment.write_text(f"{MARKER}\n## facecheck: failed\n@everyone\n")
    asked, (name, made) = played(1, comment)

    assert asked[1]["head"] == "eve:fix"
    assert (name, made["issue_number"]) == ("create", 12)
    whose = "<sub>From [this run](https://a.example/7), by the code of the pull request itself.</sub>"
    assert made["body"].startswith(f"{MARKER}\n{whose}\n\n## facecheck: failed\n@\u200beveryone")
    assert "https://a.example/7" in made["body"]
    mine = {"id": 5, "body": made["body"], "user": {"type": "Bot"}}
    others = [{"id": 3, "body": MARKER, "user": {"type": "User"}}, {"id": 4, "body": None, "user": None}]
    assert played(1, comment, comments=[*others, mine])[1][:1] == ["update"]
    assert played(1, comment, comments=[*others, mine])[1][1]["comment_id"] == 5
    assert played(1, comment, comments=others)[1][0] == "create"
    assert played(1, comment, pulls=PULLS[:1])[1][0] == "notice"


def test_hostile_artifacts_are_refused_or_cut(tmp_path: Path) -> None:
    """Too large, a link to a file of the runner's, a folder, nothing; the text itself never exceeds the limit."""
    comment = tmp_path / "comment.md"
    assert played(1, comment)[0][0] == "failed"
    comment.mkdir()
    assert played(1, comment)[0][0] == "failed"
    link = tmp_path / "link.md"
    link.symlink_to("/etc/passwd")
    assert played(1, link)[0] == ["failed", "comment.md is not there, or is no file"]
    large = tmp_path / "large.md"
    large.write_text("@a" * 40_000)
    assert played(1, large)[0][0] == "failed"
    large.write_text("@a" * 32_000)
    assert len(played(1, large)[1][1]["body"]) <= 65_536
    assert [name for name, _ in played(0)] == ["write", "notice"]
    assert [name for name, _ in played(0, conclusion="cancelled")] == ["notice"]
    assert played(0, artifacts=[{"id": 1, "size_in_bytes": 10**6}])[-1][0] == "failed"
    assert played(0, artifacts=[{"id": 1, "size_in_bytes": 900}]) == [["write", "yes"], ["id", 1]]


def test_a_run_that_died_replaces_what_an_earlier_one_said() -> None:
    """A comment must not go on telling of results that the last commit does not have."""
    old = {"id": 5, "body": f"{MARKER}\nall passed", "user": {"type": "Bot"}}
    _, (name, made) = played(1, kept="", comments=[old])

    assert (name, made["comment_id"]) == ("update", 5)
    assert "no results" in made["body"]
    assert "all passed" not in made["body"]
