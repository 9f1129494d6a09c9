"""Put facecheck's verdict on the merge request, in one note that is updated in place. Python's library is all it needs.

The text comes from a job that ran the merge request's own code: it is bounded, and its mentions are made harmless.
FACECHECK_NOTE_TOKEN is an access token of the project with the scope api, as a masked variable.
"""

import json
import os
import re
import sys
import urllib.request
from pathlib import Path

MARKER = "<!-- facecheck -->"
MOST = 200_000  # bytes
NOTHING = "**facecheck: no results.** The job ended before it had any; its log says why."


def asked(method: str, path: str, content: object = None) -> object:
    """Return what GitLab answers."""
    request = urllib.request.Request(  # noqa: S310 - the address is GitLab's own
        os.environ["CI_API_V4_URL"] + path,
        data=None if content is None else json.dumps(content).encode(),
        headers={"PRIVATE-TOKEN": os.environ["FACECHECK_NOTE_TOKEN"], "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - likewise
        return json.load(answer)


def text_of(file: Path) -> str:
    """Return the note's text."""
    if file.is_symlink() or not file.is_file():
        return NOTHING
    if file.stat().st_size > MOST:
        raise SystemExit(f"{file} has {file.stat().st_size} bytes, expected at most {MOST}")
    text = file.read_text(encoding="utf-8", errors="replace").replace(MARKER, "").strip()
    # A quick action begins a line with a slash: it would be done in the name of whose token it is.
    return re.sub(r"(?m)^(\s*)/(?=\w)", "\\1\u200b/", re.sub(r"@(?=\w)", "@\u200b", text))


def main() -> None:
    """Write the note, or write it anew."""
    notes = f"/projects/{os.environ['CI_PROJECT_ID']}/merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
    body = f"{MARKER}\n\nFrom [this pipeline]({os.environ['CI_PIPELINE_URL']}).\n\n{text_of(Path(sys.argv[1]))}"
    me = asked("GET", "/user")["id"]  # type: ignore[index]
    page: object = True
    number = 0
    while page:
        number += 1
        page = asked("GET", f"{notes}?per_page=100&page={number}")
        for note in page:  # type: ignore[attr-defined]
            if note["author"]["id"] == me and note["body"].startswith(MARKER):
                asked("PUT", f"{notes}/{note['id']}", {"body": body})
                return
    asked("POST", notes, {"body": body})


if __name__ == "__main__":
    main()
