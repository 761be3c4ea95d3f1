from policyd.lookups.spf.figures import SpfFigures
from policyd.model.spf import SpfAnswer, SpfReport


def test_evaluations_are_counted_by_their_result() -> None:
    figures = SpfFigures()
    figures.count(SpfReport(SpfAnswer("pass", "a.example"), queries=4))
    figures.count(SpfReport(SpfAnswer("pass", "b.example"), queries=3))
    figures.count(SpfReport(SpfAnswer("none", "c.example"), queries=1))
    assert (figures.results, figures.queries) == ({"pass": 2, "none": 1}, 8)
