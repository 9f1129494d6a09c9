"""Every command of the README and of ``docs/``, run as it is written, on real data.

    uv run python -m docs.run WORK --data ../shared/data --weights ../shared/weights

The commands that begin with ``uv run``, and those about facecheck's own files, run in a fresh clone of the last commit;
the others in the repository of a team that installed facecheck with pip. What an example names lies there under that
name (``LFW``, ``pairs.txt``, ``mine.onnx``); what no file can be called (``/data``, ``RUN``) is replaced by what
``docs/run.toml`` says. Each command's output is in ``WORK/output``, what was run, its status and its seconds in
``WORK/log.jsonl``. Run again at the same commit, it runs what has not ended as its page lets expect; it exits with 1 if
there is any. A status of 124 is a command that took too long, 125 one that could not be prepared.

DATA holds ``lfw/``, ``lfw_protocol/`` and ``eg3d_strips/``, WEIGHTS ``edgeface/`` and ``mobilefacenet/``.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import torch

from facecheck.embedders.edgeface import edgeface
from facecheck.evaluation.timing import prepare
from facecheck.faces import Face, ImageSource
from facecheck.models import Settings, build
from facecheck.pipeline import Pipeline
from tests.support import documents

__all__ = ["KNOWN", "Command", "every_command", "main"]

ROOT = Path(__file__).parents[1]
KNOWN = tomllib.loads((ROOT / "docs" / "run.toml").read_text(encoding="utf-8"))
_MOST_SECONDS = 5400.0
_NOT_PREPARED = 125
_PEOPLE, _IMAGES = 12, 3  # of the folder of people, and of each
_OF_THE_PROJECT = ("uv ", "FACECHECK_WEIGHTS=", "pip install uv", "pip download", "facecheck generate faces --bundled")


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """A command of a page.

    Args:
        page: relative to the repository.
        text: as it is written, on one line but for here documents and scripts.
    """

    page: str
    text: str

    @property
    def in_clone(self) -> bool:
        """Whether it runs in the clone; else in a team's repository."""
        return self.page == "CONTRIBUTING.md" or self.text.startswith(_OF_THE_PROJECT)

    def known(self, table: str) -> str:
        """Return what a table of ``docs/run.toml`` says of it, empty if nothing."""
        return next((str(told) for part, told in KNOWN.get(table, {}).items() if part in f"{self.text}\n"), "")


def every_command() -> Iterator[Command]:
    """Yield the commands of all pages, those of prose after the blocks; each text once for the clone and for a team."""
    told: set[tuple[bool, str]] = set()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        page = path.relative_to(ROOT).as_posix()
        spans = [shlex.join(words) for words in documents.mentioned(path)] if "/reference/" not in page else []
        for text in (*documents.lines(path), *(span for span in spans if span not in KNOWN["names"])):
            found = Command(page, text)
            if (found.in_clone, text) not in told:
                told.add((found.in_clone, text))
                yield found


class Stage:
    """The clone, the team's repository, and what the examples name.

    Args:
        work: folder of it all, outside of the repository.
        data: holds ``lfw/``, ``lfw_protocol/``, ``eg3d_strips/``.
        weights: holds ``edgeface/``, ``mobilefacenet/``.
    """

    def __init__(self, work: Path, data: Path, weights: Path) -> None:
        self.work, self.data, self.weights = work, data, weights
        self.clone, self.team, self.venv = work / "clone", work / "team", work / "venv"
        left_out = ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "PYTEST_ADDOPTS")
        given = {n: value for n, value in os.environ.items() if n not in left_out and not n.startswith("FACECHECK_")}
        # Not this environment's own programs: a team has only what pip installed.
        path = [each for each in given["PATH"].split(os.pathsep) if Path(each).resolve() != Path(sys.prefix) / "bin"]
        self.environment = {
            **given,
            "PATH": os.pathsep.join(path),
            "FACECHECK_WEIGHTS": str(weights / "edgeface"),
            "FACECHECK_CACHE": str(work / "cache"),
        }

    def lay(self) -> None:
        """Make what is not there yet."""
        for folder in ("scratch", "bin", "output", "team"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)
        if not self.clone.is_dir():
            self._call("git", "clone", "--quiet", str(ROOT), str(self.clone))
        if commit_of(self.clone) != commit_of(ROOT):
            raise SystemExit(f"{self.clone} is at another commit than {ROOT}: begin anew, in another folder")
        self._call("uv", "sync", "--quiet", where=self.clone)
        if not (self.work / "data").is_dir():
            self._lay_data(self.work / "data.part")
            (self.work / "data.part").rename(self.work / "data")
        _lay_slurm(self.work / "bin" / "sbatch", self.team)
        for place in (self.clone, self.team):
            self._lay_names(place)
        if not self.venv.is_dir():
            self._call("uv", "build", "--quiet", "--wheel", "--out-dir", str(self.work / "dist"), where=self.clone)
            self._call(sys.executable, "-m", "venv", str(self.venv))

    def _call(self, *words: str, where: Path | None = None) -> None:
        subprocess.run(words, cwd=where or ROOT, env=self.environment, check=True)  # noqa: S603 - our own words

    def _lay_data(self, folder: Path) -> None:
        """Lay LFW with its list, a short list, a folder of people, strips and aligned crops."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.data / "lfw", folder / "lfw", copy_function=shutil.copyfile)
        pairs = self.data / "lfw_protocol" / "pairs.txt"
        for place in (folder, folder / "lfw"):
            shutil.copyfile(pairs, place / "pairs.txt")
        (folder / "few.txt").write_text(_shortened(pairs.read_text(encoding="utf-8"), 1), encoding="utf-8")
        for name in ("strips", "eg3d_strips"):  # limits know them by the second
            shutil.copytree(self.data / "eg3d_strips", folder / name)
        people = [each for each in sorted((folder / "lfw").iterdir()) if len(list(each.glob("*.jpg"))) >= _IMAGES]
        for person in people[:_PEOPLE]:
            (folder / "people" / person.name).mkdir(parents=True)
            for path in sorted(person.glob("*.jpg"))[:_IMAGES]:
                shutil.copyfile(path, folder / "people" / person.name / path.name)
        _cut_crops(folder / "people", folder / "crops", self.weights / "edgeface" / "edgeface_xs.safetensors")

    def _lay_names(self, place: Path) -> None:
        """Give the files the names that the examples give them, below the folder where commands run."""
        before = {path.name for path in place.iterdir()}
        mobile, lists = self.weights / "mobilefacenet", self.data / "lfw_protocol"
        for name, source in {
            "LFW": self.work / "data" / "lfw",
            "lfw": self.work / "data" / "lfw",
            "eg3d_strips": self.work / "data" / "eg3d_strips",
            "weights": self.weights / "edgeface",
        }.items():
            if not (place / name).exists():
                (place / name).symlink_to(source)
        for name, source in {
            "pairs.txt": lists / "pairs.txt",
            "pairsDevTest.txt": lists / "pairsDevTest.txt",
            "MobileFaceNet.onnx.data": mobile / "MobileFaceNet.onnx.data",
            "MobileFaceNet.onnx": mobile / "MobileFaceNet.onnx",
            "FACE.jpg": self.data / "lfw" / "Aaron_Eckhart" / "Aaron_Eckhart_0001.jpg",
        }.items():
            shutil.copyfile(source, place / name)
        if not (place / "gallery.npy").exists():
            _lay_gallery(place)
        if not (place / "mine.onnx").exists():
            _export(self.weights / "edgeface" / "edgeface_xs.safetensors", place / "mine.onnx")
        [builder] = [b.text for b in documents.blocks(ROOT / "README.md") if "load_my_network" in b.text]
        (place / "mine.py").write_text(f"from my_project import load_my_network\n{builder}", encoding="utf-8")
        (place / "my_project.py").write_text(_MY_PROJECT, encoding="utf-8")
        if (place / ".git").is_dir():  # the clone stays clean
            laid = sorted({path.name for path in place.iterdir()} - before)
            with (place / ".git" / "info" / "exclude").open("a", encoding="utf-8") as stream:
                stream.writelines(f"/{name}\n" for name in laid)

    def replaced(self, text: str) -> str:
        """Return a command with what no file can be called replaced."""
        names = {
            "work": self.work,
            "data": self.data,
            "weights": self.weights,
            "clone": self.clone,
            "wheel": next((self.work / "dist").glob("*.whl"), ""),
        }
        for pattern, other in KNOWN["replaced"].items():
            text = re.sub(pattern, re.sub(r"\{(\w+)\}", lambda found: str(names[found[1]]), other), text)
        return text

    def run(self, command: Command) -> tuple[str, int, float]:
        """Run a command, after what its page takes for granted; return what was run, its status and its seconds."""
        place, programs = (self.clone, self.clone / ".venv") if command.in_clone else (self.team, self.venv)
        path = os.pathsep.join([str(self.work / "bin"), str(programs / "bin"), self.environment["PATH"]])
        environment = self.environment | {"PATH": path}
        if re.search("cache (clear|info)", command.text):  # not the one that all commands share
            environment["FACECHECK_CACHE"] = str(self.work / "scratch" / "cleared")
        output = self.work / "output" / f"{_name(command)}.txt"
        prepared = [before for pattern, before in KNOWN["before"].items() if re.search(pattern, command.text)]
        if prepared and _shell(
            "\n".join(map(self.replaced, prepared)), place, environment, output.with_suffix(".before")
        ):
            return self.replaced(command.text), _NOT_PREPARED, 0.0
        text = self.replaced(command.text)
        if text.startswith("#!"):  # the commands after it give it to the queue
            (place / "fill.sh").write_text(text, encoding="utf-8")
            text = "bash -n fill.sh"
        begun = time.perf_counter()
        status = _shell(text, place, environment, output)
        seconds = time.perf_counter() - begun
        for pattern, after in KNOWN["after"].items():
            if re.search(pattern, command.text):
                _shell(self.replaced(after), place, environment, output.with_suffix(".after"))
        return text, status, seconds


def _shell(text: str, place: Path, environment: Mapping[str, str], output: Path) -> int:
    with output.open("wb") as stream:
        stream.write(f"$ {text}\n".encode())
        stream.flush()
        words = ["bash", "-o", "pipefail", "-c", text]
        process = subprocess.Popen(  # noqa: S603 - commands of our own pages
            words,
            cwd=place,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(_MOST_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):  # with all that it started
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return 124


def _name(command: Command) -> str:
    """Return a file's name for a command's output."""
    words = re.sub(r"[^a-z0-9]+", "-", command.text.lower()).strip("-")
    return f"{Path(command.page).stem}-{words[:80]}-{hashlib.sha256(command.text.encode()).hexdigest()[:6]}"


def commit_of(folder: Path) -> str:
    """Return the commit that a clone is at."""
    words = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own words


# What the examples name.

_MY_PROJECT = '''"""A network that somebody trained: EdgeFace."""

import os

from facecheck.embedders.edgeface import edgeface, edgeface_file


def load_my_network():
    kind = os.environ.get("MINE", "edgeface-xs")
    network, _ = edgeface(kind, edgeface_file(kind))
    return network
'''


def _shortened(pairs: str, kept: int) -> str:
    """Return LFW's list with so many matched and mismatched pairs a fold."""
    head, *rows = pairs.splitlines()
    folds, each = map(int, head.split())
    chosen = [row for start in range(0, 2 * folds * each, each) for row in rows[start : start + kept]]
    return "\n".join([f"{folds}\t{kept}", *chosen, ""])


def _cut_crops(people: Path, crops: Path, weights: Path) -> None:
    """Cut aligned crops, 112 x 112, of a folder of people: what a user of ``?detector=none`` has."""
    recognizer = build(f"edgeface-xs?weights={weights}", Settings(device=torch.device("cpu")))
    paths = sorted(people.glob("*/*.jpg"))
    faces = [Face(source=ImageSource(path, path.name), subject=path.parent.name) for path in paths]
    for path, image in zip(paths, Pipeline().images(faces, len(faces)), strict=True):
        (crops / path.parent.name).mkdir(parents=True, exist_ok=True)
        crop = PIL.Image.fromarray(prepare(recognizer, [image]).crops[0])
        crop.save(crops / path.parent.name / f"{path.stem}.png")


def _export(weights: Path, path: Path) -> None:
    """Export EdgeFace XS as ONNX, with batches of any size: a network that facecheck does not know by its file."""
    network, _ = edgeface("edgeface-xs", weights)
    pixels = torch.zeros(2, 3, 112, 112)
    axes = {"pixels": {0: "n"}, "vectors": {0: "n"}}
    torch.onnx.export(
        network.eval(),
        (pixels,),
        path,
        input_names=["pixels"],
        output_names=["vectors"],
        dynamic_axes=axes,
        dynamo=False,
    )


def _lay_gallery(place: Path) -> None:
    """Lay vectors and names for the search: every second probe has a noisy template in the gallery."""
    draw = np.random.default_rng(0)
    gallery = draw.standard_normal((20_000, 128), dtype=np.float32)
    strangers = draw.standard_normal((200, 128), dtype=np.float32)
    mated = gallery[: len(strangers)] + draw.standard_normal(strangers.shape, dtype=np.float32) / 2
    np.save(place / "gallery.npy", gallery)
    np.save(place / "probes.npy", np.concatenate([mated, strangers]))
    names = [f"person {number}" for number in range(len(gallery) + len(strangers))]
    (place / "gallery.txt").write_text("\n".join([*names[: len(gallery)], ""]), encoding="utf-8")
    of_probes = [*names[: len(mated)], *names[len(gallery) :]]
    (place / "probes.txt").write_text("\n".join([*of_probes, ""]), encoding="utf-8")


def _lay_slurm(sbatch: Path, team: Path) -> None:
    """Lay a stand-in for Slurm's ``sbatch``, which runs the tasks of an array one after another; and ``judge.sh``."""
    sbatch.write_text(
        "#!/bin/bash\n"
        "set -e\n"
        'script="${@: -1}"\n'
        "tasks=$(sed -n 's/^#SBATCH --array=1-\\([0-9]*\\).*/\\1/p' \"$script\")\n"
        'for task in $(seq 1 "${tasks:-1}"); do\n'
        '  if [ -n "$tasks" ]; then export SLURM_ARRAY_TASK_ID=$task; fi\n'
        '  bash "$script" >&2\n'
        "done\n"
        "echo 1\n",
        encoding="utf-8",
    )
    sbatch.chmod(0o755)
    work = sbatch.parents[1]
    (team / "judge.sh").write_text(
        "#!/bin/bash\n"
        "set -e\n"
        f"facecheck cache join {work}/scratch/cache-* --folder {work}/scratch/joined\n"
        'pytest evals/ -m "not timing" --facecheck-cache '
        f'{work}/scratch/joined --facecheck-datasets "lfw:{work}/data/lfw?pairs={work}/data/few.txt"\n',
        encoding="utf-8",
    )


def main(given: Sequence[str] | None = None) -> int:
    """Run what is asked for; return the status of the program."""
    parser = argparse.ArgumentParser(prog="python -m docs.run", description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path, help="folder of everything that is made, outside of the repository")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--weights", type=Path, default=ROOT.parent / "shared" / "weights")
    parser.add_argument("--only", help="pages, by their names, joined by commas")
    parser.add_argument("--long", action="store_true", help="also what takes an hour")
    asked = parser.parse_args(given)
    stage = Stage(asked.work.resolve(), asked.data.resolve(), asked.weights.resolve())
    stage.lay()
    log = stage.work / "log.jsonl"
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    done = {(record["page"], record["text"]) for record in records if record["ok"]}
    commit = commit_of(ROOT)
    wrong = 0
    for each in every_command():
        if (each.page, each.text) in done or (asked.only and Path(each.page).stem not in asked.only.split(",")):
            continue
        if why := each.known("left_out") or ("" if asked.long else each.known("long")):
            print(f"left out        {each.page}: {each.text}: {why}", flush=True)
            continue
        ran, status, seconds = stage.run(each)
        ok = status == 1 if each.known("red") else status == 0 or bool(each.known(f"ends_with_{status}"))
        wrong += not ok
        record = dataclasses.asdict(each) | {"ran": ran, "status": status, "seconds": round(seconds, 1), "ok": ok}
        record["commit"] = commit
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        print(f"{'ok ' if ok else 'BAD'} {status:3} {seconds:7.1f} s {each.page}: {each.text}", flush=True)
    print(f"{wrong} commands ended otherwise than their pages let expect; what they said: {stage.work / 'output'}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
