"""The values that Superset fills into datasets' SQL, from the project's own tables."""

import re
from pathlib import Path

import pytest
from template_values import region_tiles

from gridflex.config import ROOT, Config

MAP_ROWS = 7
LEGEND = {f"{row}/5" for row in range(3, 8)}


def tiles_of(rows: str) -> dict[str, str]:
    found = re.findall(r"\('((?:[^']|'')*)', '(\d+/\d+)'\)", rows)
    assert ", ".join(f"('{region}', '{tile}')" for region, tile in found) == rows
    return {region.replace("''", "'"): tile for region, tile in found}


def premises(folder: Path, *regions: str) -> Path:
    file = folder / "premises.csv"
    file.write_text("house_id,region,feeder\n" + "".join(f',"{region}",F1\n' for region in regions), encoding="utf-8")
    return file


def test_region_tiles__of_the_shipped_premises_have_a_place_of_their_own_beside_the_legend() -> None:
    tiles = tiles_of(region_tiles(ROOT / Config().replay.premises))
    assert len(tiles) == len(set(tiles.values())) == 24
    assert not LEGEND & set(tiles.values())
    assert all(int(tile.partition("/")[0]) <= MAP_ROWS for tile in tiles.values())
    assert (tiles["Tunis"], tiles["Tataouine"]) == ("2/4", "7/2")


def test_region_tiles__are_those_of_the_premises_alone_and_new_ones_come_below(tmp_path: Path) -> None:
    found = region_tiles(premises(tmp_path, "Sfax", "Sfax", "Côte d'Or", *(f"z{number}" for number in range(5))))
    assert tiles_of(found) == {
        "Côte d'Or": "8/1",
        "Sfax": "5/3",
        "z0": "8/2",
        "z1": "8/3",
        "z2": "8/4",
        "z3": "8/5",
        "z4": "9/1",
    }


def test_region_tiles__without_any_region_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"premises\.csv: found no region"):
        region_tiles(premises(tmp_path))
