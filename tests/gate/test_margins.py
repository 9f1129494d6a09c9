"""Margins of the file of limits: which applies, what is refused, and what the shipped file holds."""

from pathlib import Path

import pytest

from facecheck.gate import LimitsError, read_limits, read_margins
from facecheck.gate.margins import MARGINS, Margin, Margins
from facecheck.results.conditions import ANY, DEPLOYED, Conditions

SHIPPED = Path(__file__).parents[2] / "evals" / "limits.toml"
LIMIT = '[[limit]]\neval = "pose"\nname = "auc"\nat_least = 0.9\nwhy = "x"\n'


def test_the_shipped_file_states_the_documented_margins() -> None:
    """Two places that could differ: the file that people review, and the default for files without margins."""
    stated = {each.name: each.tolerate for each in read_margins(SHIPPED).stated if not each.where}
    assert stated == dict(MARGINS)


def test_the_most_specific_margin_applies() -> None:
    """Of equals the last; a metric that nobody names has the default, an unknown one none."""
    margins = Margins(
        (
            Margin(name="accuracy", tolerate=0.01, why="x"),
            Margin(name="accuracy", tolerate=0.02, why="x", dataset="faces"),
            Margin(name="accuracy", tolerate=0.03, why="x", dataset="faces", where=Conditions(corruption="blur")),
        )
    )
    blurred = DEPLOYED | Conditions(corruption="blur", level=3)

    assert margins.of("m", "lfw", "accuracy", DEPLOYED) == 0.01
    assert margins.of("m", "faces", "accuracy", DEPLOYED) == 0.02
    assert margins.of("m", "faces", "accuracy", blurred) == 0.03
    assert margins.of("m", "faces", "auc", ANY) == MARGINS["auc"]
    assert margins.of("m", "faces", "precision", ANY) == 0.0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('name = "accuracy"\ntolerate = 0.1', "expected name, tolerate, why, and perhaps where"),
        ('name = "accuracy"\ntolerate = 0.1\nwhy = "x"\nat_least = 1', "expected name, tolerate, why"),
        ('name = "acuracy"\ntolerate = 0.1\nwhy = "x"', "Did you mean accuracy"),
        ('name = "accuracy"\ntolerate = -0.1\nwhy = "x"', "expected|0"),
        ('name = "accuracy"\ntolerate = 5\nwhy = "x"', "Is it a percentage"),
        ('name = "accuracy"\ntolerate = "much"\nwhy = "x"', "tolerate must be a number"),
        ('name = "accuracy"\ntolerate = 0.1\nwhy = "x"\nwhere = 3', "where must be a table"),
        ('name = "accuracy"\ntolerate = 0.1\nwhy = "x"\nwhere = { levle = 3 }', "levle"),
    ],
)
def test_a_margin_that_could_not_apply_is_refused(tmp_path: Path, table: str, message: str) -> None:
    """By its number in the file."""
    path = tmp_path / "limits.toml"
    path.write_text(f"{LIMIT}[[margin]]\n{table}\n")

    assert len(read_limits(path)) == 1
    with pytest.raises(LimitsError, match=rf"margin 1: .*({message})"):
        read_margins(path)
