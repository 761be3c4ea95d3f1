"""The table is that of docs/performance.md."""

from bench.spf import Figures, table
from bench.spf_mails import WORKLOADS


def test_the_table_has_a_row_for_each_run() -> None:
    rows = list(table([Figures("policyd", WORKLOADS[0], 1234.5, 1.0, 2.0, 800.0, 50.0, 0.1)]))
    assert rows[2] == "| cold | 0 | 1 | policyd | 1,234 | 1.00 | 2.0 | 800 | 50 | 0.1 |"
