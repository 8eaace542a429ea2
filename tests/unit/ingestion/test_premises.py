from pathlib import Path

import pytest

from gridflex.config import ROOT, Config
from gridflex.errors import SourceError
from ingestion.premises import Premise, load_premises

HEADER = "house_id,region,feeder\n"


def write(path: Path, text: str) -> Path:
    file = path / "premises.csv"
    file.write_text(text)
    return file


def test_place__a_named_house_stands_where_the_file_says(tmp_path: Path) -> None:
    premises = load_premises(write(tmp_path, HEADER + "redd-5,Tunis,T1\nredd-5-3,Sfax,S1\n"))
    assert premises.place("redd", "5", 0) == Premise(region="Tunis", feeder="T1")
    assert premises.place("redd", "5", 3) == Premise(region="Sfax", feeder="S1")
    with pytest.raises(SourceError, match="redd-6-0 has no row"):
        premises.place("redd", "6", 0)


def test_place__the_default_pool_covers_all_governorates() -> None:
    premises = load_premises(ROOT / Config().replay.premises)
    places = [premises.place("greend", "0", shift) for shift in range(2000)]
    assert len({place.region for place in places}) == 24
    assert places == [premises.place("greend", "0", shift) for shift in range(2000)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("house,region,feeder\n", "found columns"),
        (HEADER + "redd-5,,F1\n", "csv:2: each row needs"),
        (HEADER + "a,b,c,d\n", "csv:2: each row needs"),
        (HEADER + "a,b,c\na,b,d\n", "csv:3: house a is placed twice"),
    ],
)
def test_load_premises__says_where_and_what(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        load_premises(write(tmp_path, text))
