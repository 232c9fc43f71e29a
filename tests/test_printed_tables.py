"""What is printed in a narrow terminal is whole."""

from __future__ import annotations

import pandas as pd
import pytest

from fechner.cli.choosing.evidence import show_agreement


def test_no_number_is_cut_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    measures = ("alignment, all", "alignment, within scenes", "prediction")
    row = {"features": "net/layer.with.a.long.name", "pooling": "mean", "p": 0.01}
    numbers = {"value": -0.25, "low": -0.55, "high": 0.75}
    show_agreement(pd.DataFrame([{**row, **numbers, "measure": one} for one in measures]))
    assert capsys.readouterr().out.count("-0.25 [-0.55, 0.75]*") == len(measures)
