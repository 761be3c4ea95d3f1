from policyd.lookups.spf.figures import SpfFigures


def test_evaluations_are_counted_by_their_result() -> None:
    figures = SpfFigures()
    figures.count("pass", 4)
    figures.count("pass", 3)
    figures.count("none", 1)
    assert (figures.results, figures.queries) == ({"pass": 2, "none": 1}, 8)
