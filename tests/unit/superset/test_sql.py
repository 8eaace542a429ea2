"""The look at SQL before Druid gets it: no comment, no sub-select in a fragment, the region at each scan."""

from pathlib import Path

import pytest
from guards.calcite import CalciteDruid, fragment_problem
from guards.region_filters import scan_problem

SOURCES = {"powerraw": True, "outlook": True, "deadletter": False}
ROOT = Path(__file__).parents[3]

ALLOWED_FRAGMENTS = (
    "__time < TIME_FLOOR(CURRENT_TIMESTAMP, 'PT1M')",
    'SUM(energy_wh) FILTER (WHERE power_w_max > 3) / NULLIF(SUM("count"), 0)',
    "region = 'a -- b' AND feeder <> 'it''s /* none */'",
    "CASE WHEN a THEN 'x' ELSE 'y' END",
    "EXTRACT(HOUR FROM __time) > 3",
)
REFUSED_FRAGMENTS = (
    "1=1 /* /* */ ) OR (1=1 -- */",
    "1 /* /* */ , (SELECT COUNT(*) FROM powerraw) AS leak -- */",
    "1=1 // all\n OR 1=1",
    "1=1) OR (1=1",
    "1) FROM powerraw WHERE (1=1",
    "a, b",
    "region IN (SELECT region FROM powerraw)",
    "EXISTS (TABLE powerraw)",
    "x IN (VALUES (1))",
    "1=1; SELECT 1",
    "region = 'x",
    "region = U&'\\0041'",
    "`region` = 1",
    "{fn USER()} = 1",
    "a = ?",
)
MINE = (
    "SELECT region, SUM(x) FROM druid.powerraw WHERE a = 1 AND (region = 'Sousse') GROUP BY 1",
    "SELECT a FROM (SELECT * FROM (SELECT * FROM powerraw WHERE (region = 'Sousse')) AS powerraw WHERE x OR y) AS v "
    "FULL JOIN (SELECT * FROM outlook AS o WHERE o.region = 'Sousse') o ON o.a = v.a "
    "WHERE (region = 'Sousse') LIMIT 10",
    "SELECT a, SUM(x) FROM druid.powerraw JOIN (SELECT a AS a__, SUM(x) FROM druid.powerraw WHERE (region = 'Sousse') "
    "GROUP BY a LIMIT 8) AS series_limit ON a = a__ WHERE (region = 'Sousse') GROUP BY a",
    "SELECT m.region FROM (VALUES ('Bizerte', '1/2')) AS m (region, place)",
    "SELECT reason FROM deadletter WHERE reason = '-- no comment'",
    "SELECT 'gridflex curtail flex' AS command",
)
FOREIGN = (
    "SELECT * FROM powerraw",
    "SELECT * FROM powerraw WHERE region = 'Tunis'",
    "SELECT * FROM powerraw WHERE region IN ('Sousse', 'Tunis')",
    "SELECT * FROM powerraw WHERE region = 'Sousse' OR 1 = 1",
    "SELECT * FROM powerraw WHERE NOT (region = 'Sousse')",
    "SELECT * FROM powerraw WHERE (region = 'Sousse') IS NOT TRUE",
    "SELECT * FROM powerraw WHERE region = region",
    "SELECT * FROM powerraw WHERE \"Region\" = 'Sousse'",
    "SELECT * FROM powerraw HAVING region = 'Sousse'",
    "SELECT * FROM powerraw AS p (a, region) WHERE region = 'Sousse'",
    "SELECT * FROM powerraw AS p WHERE q.region = 'Sousse'",
    "SELECT * FROM powerraw, outlook WHERE region = 'Sousse'",
    "SELECT * FROM powerraw NATURAL JOIN (SELECT 'Sousse' AS region FROM deadletter) WHERE region = 'Sousse'",
    "SELECT * FROM powerraw FULL JOIN (SELECT 'Sousse' AS region) AS s USING (region) WHERE region = 'Sousse'",
    "SELECT a FROM powerraw JOIN (SELECT a AS b FROM powerraw) AS s ON a = b WHERE region = 'Sousse'",
    "SELECT * FROM deadletter JOIN outlook ON outlook.region = 'Sousse'",
    "SELECT * FROM powerraw LEFT JOIN deadletter ON 1 = 1 WHERE powerraw.region = 'Sousse'",
    "SELECT * FROM powerraw WHERE region = 'Sousse' UNION ALL SELECT * FROM powerraw",
    "SELECT reason FROM deadletter WHERE reason IN (SELECT region FROM powerraw)",
    "SELECT (SELECT MAX(a) FROM powerraw) FROM deadletter",
    "SELECT * FROM deadletter ORDER BY (SELECT 1 FROM powerraw)",
    "WITH powerraw AS (SELECT * FROM powerraw) SELECT * FROM powerraw",
    "SELECT * FROM unlisted",
    "SELECT * FROM sys.segments",
    "SELECT * FROM INFORMATION_SCHEMA.TABLES",
    "SELECT * FROM lookup.powerraw",
    "SELECT * FROM TABLE(EXTERN('{}', '{}'))",
    "SELECT * FROM powerraw TABLESAMPLE BERNOULLI (5) WHERE region = 'Sousse'",
    "SELECT * FROM powerraw WHERE region = 'Sousse' -- AND\n",
    "SELECT * FROM powerraw WHERE region = 'Sousse'; SELECT * FROM powerraw",
    "INSERT INTO x SELECT * FROM deadletter",
    "EXPLAIN PLAN FOR SELECT * FROM powerraw",
    "TABLE powerraw",
    "SELECT FROM WHERE",
    "",
)


@pytest.mark.parametrize("sql", ALLOWED_FRAGMENTS)
def test_fragment__of_the_data_sets_own_columns_is_allowed(sql: str) -> None:
    assert fragment_problem(sql) is None


@pytest.mark.parametrize("sql", REFUSED_FRAGMENTS)
def test_fragment__that_could_be_more_than_an_expression_is_refused(sql: str) -> None:
    assert fragment_problem(sql)


@pytest.mark.parametrize("sql", MINE)
def test_statement__with_the_region_at_each_scan_is_allowed(sql: str) -> None:
    assert scan_problem(sql, {"Sousse"}, SOURCES) is None


@pytest.mark.parametrize("sql", FOREIGN)
def test_statement__that_could_read_another_region_is_refused(sql: str) -> None:
    assert scan_problem(sql, {"Sousse"}, SOURCES)


def test_statement__of_somebody_without_a_region_is_refused() -> None:
    assert scan_problem("SELECT * FROM powerraw WHERE region = 'Sousse'", set(), SOURCES)


def test_dialect__ends_comments_where_druid_does() -> None:
    tokens = [one.text for one in CalciteDruid().tokenize("a /* /* */ b // c\n d -- */")]
    assert tokens == ["a", "b", "d"]


def test_sqlglot__is_the_same_here_and_beside_superset() -> None:
    pins = [
        line
        for name in ("core", "superset")
        for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        if line.startswith("sqlglot==")
    ]
    assert len(pins) == 2
    assert len(set(pins)) == 1
