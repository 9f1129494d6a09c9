"""Store the errors of the reference model, by which mCE divides, from a run of the suite.

    uv run pytest evals/test_corruptions.py --facecheck-full --facecheck-models facenet-casia-webface
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
from facecheck.results.run import Record

REFERENCE = Path(__file__).parents[1] / "evals" / "reference.json"
MODEL = "facenet-casia-webface"


def errors(record: Record) -> dict[str, dict[str, dict[str, float]]]:
    """Return the errors of the reference model by the pairs' digest, the corruption and the level."""
    names = {entry.name for entry in of_family("imagenet_c")}
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for m in record.measurements:
        at = m.conditions
        wanted = (m.eval, m.name, m.model) == ("corruptions", "accuracy", MODEL) and at.get("corruption") in names
        if wanted and (at.get("threshold"), at.get("failures")) == ("clean", "non-match") and at["level"]:
            digest = record.signature["datasets"][m.dataset]["digest"]  # type: ignore[index]
            found[digest][str(at["corruption"])][f"{at['level']:g}"] = round(1 - m.value, 6)
    return found


def main() -> None:
    """Read the run and update the reference file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run, such as reports/latest")
    found = errors(Record.read(parser.parse_args().run))
    if not found:
        raise FacecheckError(f"the run has no corruptions of {MODEL}")
    pinned = json.loads(REFERENCE.read_text(encoding="utf-8"))
    pinned["errors"].update(found)
    REFERENCE.write_text(json.dumps(pinned, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{REFERENCE}: {len(pinned['errors'])} sets of pairs")


if __name__ == "__main__":
    main()
