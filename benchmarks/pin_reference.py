"""Store the errors of the reference model, by which mCE divides, from a run of the suite.

    uv run pytest evals/ --facecheck-evals corruptions --facecheck-full --facecheck-models facenet-casia-webface
    uv run python benchmarks/pin_reference.py reports/latest

It adds the errors on the pairs of the run to ``evals/reference.json``, by the digest of the pairs, and keeps
the other entries. Run it again only if the bundled faces or the corruptions change; the diff then shows it.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

from facecheck.corruptions import of_family
from facecheck.errors import FacecheckError
from facecheck.results.conditions import DEPLOYED
from facecheck.results.run import Run
from facecheck.specs import spelt_number
from facecheck.storage.files import write_text

REFERENCE = Path(__file__).parents[1] / "evals" / "reference.json"
MODEL = "facenet-casia-webface"


def errors(run: Run) -> dict[str, dict[str, dict[str, float]]]:
    """Return the errors of the reference model by the pairs' digest, the corruption and the level."""
    names = {entry.name for entry in of_family("imagenet_c")}
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for m in run.measurements:
        at = m.conditions
        wanted = (m.eval, m.name, m.model) == ("corruptions", "accuracy", MODEL) and at.corruption in names
        signed = run.signature.dataset(m.dataset)
        if wanted and at.matches(DEPLOYED) and at.level and signed is not None:
            found[signed.digest][str(at.corruption)][spelt_number(at.level)] = round(1 - m.value, 6)
    return found


def main() -> None:
    """Read the run and update the reference file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run, such as reports/latest")
    found = errors(Run.read(parser.parse_args().run))
    if not found:
        raise FacecheckError(f"the run has no corruptions of {MODEL}")
    pinned = json.loads(REFERENCE.read_text(encoding="utf-8"))
    pinned["errors"].update(found)
    write_text(REFERENCE, json.dumps(pinned, indent=1, sort_keys=True) + "\n")
    print(f"{REFERENCE}: {len(pinned['errors'])} sets of pairs")


if __name__ == "__main__":
    main()
