"""What people would ask, and which datasets answer it: written before the analyser, so that it could not be fitted.

`TOWN` names subjects of `municipal_datasets` (every dataset of them answers, or those whose title or publisher names
the town); `REAL` names ends of IRIs in the catalogues of `shared/data/dcat`. `typo` is the same query as a hand slips.
"""

from typing import NamedTuple


class Judged(NamedTuple):
    """`answers`: subjects, or ends of IRIs. `town`: only what this town publishes."""

    query: str
    answers: tuple[str, ...]
    typo: str = ""
    town: str = ""


def _of(query: str, answers: str, typo: str = "", town: str = "") -> Judged:
    return Judged(query, tuple(answers.split()), typo, town)


TOWN = (
    _of("Bäume", "trees", "Bäumme"),
    _of("Baumkataster", "trees", "Baumkatater"),
    _of("Spielplätze für Kinder", "playgrounds", "Spielplatze für Kidner"),
    _of("Kita", "daycare"),
    _of("Kindergarten Plätze", "daycare", "Kindergraten Plätze"),
    _of("Schulen", "schools"),
    _of("Anzahl Schüler", "pupils", "Anzahl Schühler"),
    _of("Ladesäulen", "charging", "Ladesäuhlen"),
    _of("E-Auto laden", "charging"),
    _of("ÖPNV Haltestellen", "stops", "ÖPNV Haltestelen"),
    _of("Busfahrplan", "timetable", "Busfahrpaln"),
    _of("Fahrrad Zählung", "bikecount", "Fahrad Zählung"),
    _of("Fahrradständer", "bikepark", "Fahrradständer"),
    _of("Radwege", "bikeroads", "Radwge"),
    _of("Parkhaus frei", "parking", "Pakrhaus frei"),
    _of("Unfälle", "accidents", "Unfääle"),
    _of("Straßensperrung", "roadworks", "Strassensperung"),
    _of("Straßenlaternen", "lights", "Straßenlatrenen"),
    _of("Müllabfuhr Termine", "waste", "Mülabfuhr Termine"),
    _of("Glascontainer", "glass", "Glascontaner"),
    _of("Sperrmüll abgeben", "recycling", "Spermüll abgeben"),
    _of("Feinstaub", "air", "Feinstaup"),
    _of("Luftmessung", "air"),
    _of("Lärm Straßenverkehr", "noise", "Lärm Straßenverkher"),
    _of("Wasserstand Fluss", "gauge", "Wasserstadn Fluss"),
    _of("Überschwemmung", "flood", "Überschwemung"),
    _of("Starkregen Gefahr", "rain", "Starkregn Gefahr"),
    _of("öffentliche Toiletten", "toilets", "öffentliche Toileten"),
    _of("Einwohner nach Stadtteil", "population", "Einwohner nach Stadteil"),
    _of("häufigste Vornamen", "names", "häufigste Vornahmen"),
    _of("Bundestagswahl Ergebnis", "election", "Bundestagswahl Ergebniss"),
    _of("Stadtrat Sitzungen", "council", "Stadtrat Sizungen"),
    _of("Haushalt der Stadt", "budget", "Haushallt der Stadt"),
    _of("Hunde", "dogs"),
    _of("B-Plan", "plans"),
    _of("Mieten", "rent"),
    _of("Baugenehmigung", "permits", "Baugenemigung"),
    _of("Photovoltaik Dach", "solar", "Fotovoltaik Dach"),
    _of("Wärmeplanung", "heatplan", "Wärmeplannung"),
    _of("Fernwärme Leitungen", "district-heat", "Fernwärme Leitugen"),
    _of("Stromverbrauch Gebäude", "energy", "Stromverbauch Gebäude"),
    _of("Schwimmbad", "pools", "Schwimbad"),
    _of("Bibliothek", "libraries", "Bibliotek"),
    _of("Altenheim", "care"),
    _of("Sirenen", "sirens", "Siernen"),
    _of("Hydranten Löschwasser", "hydrants", "Hydrannten Löschwasser"),
    _of("Flüchtlinge Unterkunft", "refugees", "Flüchtlinge Unterkumft"),
    _of("CO2 Ausstoß", "emissions"),
    _of("Bäume Seestadt", "trees", town="Seestadt"),
    _of("Grünanlagen", "green", "Grünanlgen"),
    _of("Naturschutz", "protected", "Natruschutz"),
    _of("Gefluechtete", "refugees"),
)

REAL = (
    _of("Kita", "kitaboerse-20161108 bremen69.c.49821.de", "Kitta"),
    _of("Kindertagesstätten", "kitaboerse-20161108 bremen69.c.49821.de", "Kindertagestätten"),
    _of("Wahllokale", "potsdam-geod landeshauptstadt-potsdam-2018-geodaten wahlbezirke_wahllokale", "Walllokale"),
    _of("Glascontainer", "standplatze-glassammlung", "Glascontaner"),
    _of("Spielplätze", "bremen69.c.49831.de grunflachen-in-potsdam", "Spielpläze"),
    _of("Grünflächen", "grunflachen-in-potsdam bremen236.c.4427.de", "Grünfächen"),
    _of("Luftbilder", "digitale-orthophotos-20cm-2009", "Luftblider"),
    _of("Bebauungsplan", "bebauungsplaene-in-potsdam", "Bebaungsplan"),
    _of("öffentliche Toiletten", "bremen213.c.31849.de", "öffentliche Toileten"),
    _of("Badeseen", "bremen213.c.31831.de", "Badesehen"),
    _of("Verkehrsunfälle", "bremen65.c.39592.de", "Verkehrsunfäle"),
    _of("Friedhof", "bremen236.c.4428.de", "Friedhoff"),
    _of("Videoüberwachung", "bremen236.c.8202.de", "Videoüberwachnug"),
    _of("Ozon", "bremen213.c.31840.de"),
    _of("Energiebilanz", "bremen65.c.41327.de", "Energibilanz"),
    _of("Bücherei", "bremen236.c.4425.de", "Bücherrei"),
    _of("Baugenehmigungen", "baugenehmigungen-in-der-lhp-seit-2005", "Baugenemigungen"),
    _of("Hunde Leine", "leinenpflicht-in-potsdam", "Hunde Leiene"),
    _of("Verkehrszählung", "verkehrszahlungen", "Verkehrzählung"),
    _of("Einwohner Potsdam", "einwohnerzahl-seit-1992 ohner-nach-hauptaltersgruppen-seit-1992", "Einwoner Potsdam"),
    _of("Krankenhäuser", "de/13454", "Krankenhauser"),
    _of("Schulen Potsdam", "datasets/schulen", "Schullen Potsdam"),
    _of("Asyl Leistungen", "bremen65.c.41466.de"),
    _of("Baumfällung", "bremen236.c.8275.de", "Baumfälung"),
)
