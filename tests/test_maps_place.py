"""Maps do not take the place of pictures that are none of ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fechner.errors import RefusedError
from fechner.records.images.files import write_png
from fechner.records.maps import write_maps


def test_maps_do_not_take_the_place_of_pictures(tmp_path: Path) -> None:
    path, raw = tmp_path / "a.png", np.linspace(0, 1, 64).reshape(8, 8)
    write_png(path, np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(RefusedError, match="is no map of ours; choose another --out"):
        write_maps(tmp_path, {"a": raw}, about={"a": {}}, set_record={})
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "a.json").write_text(json.dumps(["some", "table"]), "utf-8")
    with pytest.raises(RefusedError):
        write_maps(tmp_path, {"a": raw}, about={"a": {}}, set_record={})


def test_maps_are_made_again_where_maps_lie(tmp_path: Path) -> None:
    raw = np.linspace(0, 1, 64).reshape(8, 8)
    for values in (raw, raw.T):
        made = write_maps(tmp_path, {"a": values}, about={"a": {}}, set_record={})
        np.testing.assert_allclose(made.maps["a"].values, values, atol=1e-4)
