"""Tables and sentences for 80 columns, by hand."""

from facecheck.results.columns import aligned, wrapped


def test_a_table_that_fits_is_left_as_it_is() -> None:
    """Names to the left, numbers to the right."""
    assert aligned([["model", "EER"], ["a", "0.10"]], names=1) == ["model   EER", "a      0.10"]


def test_long_headings_are_broken_first_and_stand_at_the_foot() -> None:
    """After hyphens, and within a word that has none."""
    lines = [["", "facenet-casia-webface", "mobilefacenet"], ["accuracy", "0.9*", "0.8"]]

    assert aligned(lines, names=1, width=30) == [
        "          facenet-",
        "            casia-  mobilefac",
        "           webface       enet",
        "accuracy      0.9*        0.8",
    ]


def test_columns_that_do_not_fit_continue_below_with_the_names() -> None:
    """No line is wider than asked for, and no value is lost."""
    lines = [["model", *(f"column{n}" for n in range(9))], ["dlib", *(f"0.{n}" for n in range(9))]]
    found = aligned(lines, names=1, width=32)

    assert max(map(len, found)) <= 32
    assert [line.split()[0] for line in found if line] == ["model", "dlib"] * 3
    assert [word for line in found for word in line.split() if word.startswith("0.")] == lines[1][1:]


def test_a_column_wider_than_the_terminal_ends_the_splitting() -> None:
    """A name that is longer than any line stands there, broken, with each value."""
    found = aligned([["m", "x"], ["n" * 300, "1"]], names=1)

    assert len(found) > 2
    assert sum(line.count("n") for line in found) == 300
    assert "1" in found[1]


def test_sentences_are_wrapped_and_paths_are_not_broken() -> None:
    """Continued lines are indented; line breaks of others are spaces."""
    path = "/a-very/long-path" * 8

    assert wrapped(f"note: one\ntwo {path} three") == ["note: one two", f"  {path}", "  three"]
    assert wrapped("") == []
