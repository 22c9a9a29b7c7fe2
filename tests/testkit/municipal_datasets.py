"""Datasets as municipalities might describe them, in our own words: a corpus to search in, the same on every machine.

Each subject is described by several towns, each in its own wording, so that a search has to bridge how people write.
The texts mention each other's subjects, because real descriptions do.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

TOWNS = (
    "Musterstadt", "Seestadt", "Nachbardorf", "Bergheim", "Auental", "Nordhafen", "Weinfelden", "Moosburg", "Lindenau",
    "Kreis Hochland", "Salzufer", "Heidekrug",
)  # fmt: skip
EACH = 9
"""Datasets of one subject."""


class Subject(NamedTuple):
    """`titles` and `about` are alternatives; `{town}` and `{year}` are filled in."""

    name: str
    theme: str
    field: str
    formats: str
    titles: tuple[str, ...]
    keywords: str
    about: tuple[str, ...]


def _subject(name: str, theme: str, field: str, formats: str, titles: str, keywords: str, about: str) -> Subject:
    return Subject(name, theme, field, formats, tuple(titles.split("|")), keywords, tuple(about.split("|")))


SUBJECTS = (
    _subject("trees", "ENVI", "floraUndFauna/baumbestand/baumkataster", "CSV GEOJSON",
             "Baumkataster {town}|Bäume an Straßen und in Anlagen der Stadt {town}|Städtischer Baumbestand {year}",
             "Bäume,Baumbestand,Stadtgrün",
             "Art, Höhe, Kronendurchmesser und Pflanzjahr jedes Baums in der Pflege des Gartenamts.|"
             "Standorte der Stadtbäume mit Ergebnis der letzten Kontrolle."),
    _subject("playgrounds", "SOCI", "freizeit/spielplatz", "CSV GEOJSON",
             "Spielplätze in {town}|Öffentliche Kinderspielplätze und Bolzplätze|"
             "Spiel- und Bolzplatzverzeichnis {town}",
             "Spielplatz,Kinder,Freizeit",
             "Lage und Ausstattung mit Spielgeräten, Altersgruppe, Fläche.|"
             "Alle Anlagen mit Schatten durch Bäume und Sitzbänken."),
    _subject("daycare", "EDUC", "bildung/kindertagesbetreuung", "CSV",
             "Kindertagesstätten in {town}|Kindertageseinrichtungen mit Trägern und Plätzen {year}|"
             "Betreuungsangebote für Kinder unter sechs Jahren",
             "Kinderbetreuung,Tageseinrichtung,Betreuungsplätze",
             "Name, Träger, Öffnungszeiten und Zahl der genehmigten Plätze.|"
             "Krippe und Elementarbereich, nach Stadtteilen."),
    _subject("schools", "EDUC", "bildung/schule", "CSV GEOJSON",
             "Schulen in {town}|Verzeichnis der allgemeinbildenden Schulen {year}|Schulstandorte der Stadt {town}",
             "Schule,Grundschule,Gymnasium,Bildung",
             "Anschrift, Schulform und Schulleitung.|Standorte mit Einzugsbereich und Sporthalle."),
    _subject("pupils", "EDUC", "bildung/schule/schueler", "CSV",
             "Schülerzahlen {year} in {town}|Schülerinnen und Schüler nach Schulform und Jahrgang|"
             "Schulstatistik {year}",
             "Schüler,Statistik,Klassen",
             "Zahl der Lernenden am Stichtag je Klasse.|Übergänge nach der vierten Klasse, nach Schulform."),
    _subject("charging", "TRAN", "verkehr/kfz/elektrotankstelle", "CSV GEOJSON",
             "Ladestationen für Elektroautos in {town}|Öffentliche Ladepunkte|Ladeinfrastruktur für E-Fahrzeuge {year}",
             "Elektromobilität,Laden,Strom",
             "Standort, Leistung in Kilowatt, Steckertyp und Betreiber.|"
             "Wo Fahrzeuge mit Strom geladen werden können, mit Belegung."),
    _subject("stops", "TRAN", "verkehr/oepnv/haltestelle", "CSV GEOJSON",
             "Haltestellen des öffentlichen Nahverkehrs in {town}|Bushaltestellen mit Barrierefreiheit|"
             "Haltepunkte von Bus und Bahn",
             "Nahverkehr,Bus,Straßenbahn",
             "Name, Lage, Steige und Ausstattung mit Wetterschutz.|Alle Halte mit Linien und Blindenleitsystem."),
    _subject("timetable", "TRAN", "verkehr/oepnv/fahrplan", "ZIP",
             "Fahrplandaten {town} (GTFS)|Soll-Fahrpläne der Busse und Bahnen {year}|Fahrplan des Stadtverkehrs",
             "Fahrplan,Nahverkehr,Linien",
             "Linien, Fahrten und Abfahrtszeiten für die laufende Periode.|Sollzeiten für alle Haltestellen im Netz."),
    _subject("bikecount", "TRAN", "verkehr/radverkehr/messung", "CSV JSON",
             "Fahrradzählstellen {town}|Dauerzählung des Radverkehrs {year}|Radverkehrsmengen an Zählstellen",
             "Radverkehr,Zählung,Fahrrad",
             "Stündliche Werte der Zählgeräte an Radwegen.|Zahl der Fahrräder je Richtung und Stunde."),
    _subject("bikepark", "TRAN", "verkehr/radverkehr/abstellanlage", "CSV GEOJSON",
             "Radabstellanlagen in {town}|Fahrradständer und Fahrradboxen|Abstellplätze für Fahrräder {year}",
             "Fahrradparken,Radverkehr",
             "Zahl der Bügel, Überdachung, Lage.|Anlagen an Bahnhöfen, Schulen und im Zentrum."),
    _subject("bikeroads", "TRAN", "verkehr/radverkehr/radweg", "GEOJSON WFS_SRVC",
             "Radwegenetz {town}|Radwege und Radrouten|Netz des Radverkehrs {year}",
             "Radverkehr,Fahrrad,Wege",
             "Führungsform, Belag und Breite der Wege.|Routen mit Wegweisung im Stadtgebiet."),
    _subject("carcount", "TRAN", "verkehr/kfz/messung", "CSV",
             "Verkehrszählung Kfz {year}|Verkehrsmengen auf Hauptstraßen in {town}|"
             "Durchschnittlicher täglicher Kraftverkehr",
             "Verkehr,Kfz,Zählung",
             "Fahrzeuge je Tag an den Querschnitten, Anteil Lkw.|Ergebnisse der Erhebung an Kreuzungen."),
    _subject("parking", "TRAN", "verkehr/kfz/parkplatz", "CSV JSON",
             "Parkhäuser und Parkplätze in {town}|Freie Stellplätze in Parkhäusern|Belegung der Tiefgaragen",
             "Parken,Stellplätze,Auto",
             "Zahl der Plätze, Gebühren, Öffnungszeiten.|Aktuelle Auslastung alle fünf Minuten."),
    _subject("accidents", "TRAN", "verkehr/unfall", "CSV",
             "Verkehrsunfälle in {town} {year}|Unfallstatistik mit Personenschaden|Unfallschwerpunkte im Stadtgebiet",
             "Unfall,Verkehrssicherheit",
             "Ort, Zeit, Beteiligte und Schwere.|Von der Polizei erfasste Ereignisse, auch mit Fahrrad."),
    _subject("roadworks", "TRAN", "verkehr/baustelle", "GEOJSON JSON",
             "Baustellen in {town}|Aktuelle Straßensperrungen und Umleitungen|Verkehrsbehinderungen durch Bauarbeiten",
             "Baustelle,Sperrung,Verkehr",
             "Dauer, Umleitung und Anlass der Maßnahme.|Geplante und laufende Arbeiten an Straßen und Leitungen."),
    _subject("lights", "TRAN", "verkehr/strassenbeleuchtung", "CSV GEOJSON",
             "Straßenbeleuchtung {town}|Leuchten und Masten im Stadtgebiet|Standorte der Straßenlaternen",
             "Beleuchtung,Laterne,LED",
             "Leuchtmittel, Masthöhe, Baujahr.|Jede Leuchte mit Schaltzeit und Leistung."),
    _subject("winter", "TRAN", "verkehr/winterdienst", "GEOJSON",
             "Winterdienst: Räumplan {town}|Streustrecken und Dringlichkeit {year}|Räum- und Streuplan",
             "Schnee,Glätte,Straßenreinigung",
             "Reihenfolge, in der Straßen bei Schnee geräumt werden.|Strecken der Fahrzeuge des Bauhofs."),
    _subject("sharing", "TRAN", "verkehr/sharing", "JSON",
             "Leihfahrräder und E-Scooter in {town}|Stationen des Carsharing|Mobilstationen und Sharing-Angebote",
             "Sharing,Mobilität,Verleih",
             "Verfügbare Fahrzeuge je Station.|Abstellzonen und Ausleihen je Tag."),
    _subject("waste", "ENVI", "abfallentsorgung/abfuhrkalender", "CSV ICS",
             "Abfuhrtermine {year} in {town}|Abfallkalender|Termine der Müllabfuhr nach Straßen",
             "Abfall,Restmüll,Biotonne,Entsorgung",
             "Tage, an denen Restabfall, Papier und Bioabfall geholt werden.|"
             "Für jede Straße, mit Verschiebung an Feiertagen."),
    _subject("glass", "ENVI", "abfallentsorgung/container", "CSV GEOJSON",
             "Standplätze für Altglas in {town}|Wertstoffcontainer: Glas und Altkleider|Containerstandorte {year}",
             "Altglas,Container,Recycling",
             "Wo Glas, Papier und Kleidung eingeworfen werden können.|Plätze mit Leerungstag."),
    _subject("recycling", "ENVI", "abfallentsorgung/wertstoffhof", "CSV",
             "Wertstoffhöfe in {town}|Recyclinghöfe und Annahmestellen|Annahme von Sperrmüll und Schadstoffen",
             "Abfall,Sperrmüll,Schadstoffe",
             "Öffnungszeiten und was angenommen wird.|Anlagen der Entsorgung mit Preisen."),
    _subject("wastestat", "ENVI", "abfallentsorgung/abfallmenge", "CSV",
             "Abfallmengen {year} in {town}|Aufkommen an Hausmüll je Einwohner|Abfallbilanz",
             "Abfall,Bilanz,Menge",
             "Tonnen je Jahr nach Fraktion.|Verwertung und Beseitigung im Vergleich der Jahre."),
    _subject("air", "ENVI", "klimaschutzUndUmweltschutz/berichtUndAnalyse/luftUndEmission", "CSV JSON",
             "Luftqualität in {town}|Messwerte Feinstaub und Stickstoffdioxid|Luftmessnetz: Stundenwerte {year}",
             "Luft,Feinstaub,Ozon,Immission",
             "Stundenmittel der Stationen des Messnetzes.|Überschreitungen der Grenzwerte je Station."),
    _subject("noise", "ENVI", "klimaschutzUndUmweltschutz/laerm", "WMS_SRVC GEOJSON",
             "Lärmkarte {town}|Umgebungslärm an Hauptverkehrsstraßen {year}|Lärmkartierung nach EU-Richtlinie",
             "Lärm,Schall,Verkehr",
             "Pegel am Tag und in der Nacht, berechnet.|Belastete Menschen je Pegelklasse."),
    _subject("gauge", "ENVI", "floraUndFauna/gewaesser/pegelstand", "CSV JSON",
             "Pegelstände der Gewässer in {town}|Wasserstände an Flüssen und Bächen|Messreihen der Pegel {year}",
             "Pegel,Wasserstand,Gewässer",
             "Wasserstand alle 15 Minuten je Messstelle.|Mit Meldestufen für den Alarmplan."),
    _subject("flood", "ENVI", "wasser/hochwasser", "GEOJSON WMS_SRVC",
             "Hochwassergefahrenkarten {town}|Überschwemmungsgebiete|Gefahren durch Hochwasser HQ100",
             "Hochwasser,Überflutung,Vorsorge",
             "Flächen, die bei einem seltenen Ereignis unter Wasser stehen.|Wassertiefen und betroffene Gebäude."),
    _subject("rain", "ENVI", "wetter/starkregen", "GEOJSON WMS_SRVC",
             "Starkregengefahrenkarte {town}|Fließwege und Senken bei Starkregen|Sturzfluten: Einstautiefen",
             "Starkregen,Überflutung,Klimaanpassung",
             "Berechnete Tiefen bei einem Niederschlag, der alle hundert Jahre fällt.|"
             "Grundlage der Vorsorge für Gebäude."),
    _subject("heat", "ENVI", "wetter/hitze", "GEOJSON",
             "Hitzeinseln in {town}|Klimaanalyse: Temperaturen in Sommernächten|Stadtklimakarte {year}",
             "Hitze,Stadtklima,Klimaanpassung",
             "Wärmebelastung nach Blöcken.|Kaltluft und Durchlüftung, Anteil von Schatten."),
    _subject("weather", "ENVI", "wetter/messung", "CSV JSON",
             "Wetterstationen {town}|Niederschlag und Temperatur {year}|Messwerte des städtischen Wetternetzes",
             "Wetter,Niederschlag,Temperatur,Sensoren",
             "Werte je Stunde: Temperatur, Feuchte, Wind.|Regenmengen der Schreiber auf Dächern."),
    _subject("bathing", "HEAL", "gesundheit/badegewaesser", "CSV",
             "Badegewässer in {town}: Qualität|Wasserqualität der Badeseen {year}|Untersuchung der Badestellen",
             "Badesee,Baden,Wasserqualität",
             "Ergebnisse der Proben in der Saison.|Einstufung, Sichttiefe und Hinweise auf Blaualgen."),
    _subject("groundwater", "ENVI", "wasser/grundwasser", "CSV",
             "Grundwasserstände {town}|Messstellen des Grundwassers|Grundwassermonitoring {year}",
             "Grundwasser,Messstelle",
             "Abstand zur Oberfläche, monatlich.|Ganglinien und Güte."),
    _subject("fountains", "HEAL", "wasser/trinkbrunnen", "CSV GEOJSON",
             "Trinkbrunnen in {town}|Öffentliche Trinkwasserspender|Orte mit kostenlosem Trinkwasser",
             "Trinkwasser,Hitze,Brunnen",
             "Lage und Betrieb von April bis Oktober.|Wo Flaschen gefüllt werden können."),
    _subject("toilets", "SOCI", "infrastruktur/toilette", "CSV GEOJSON",
             "Öffentliche Toiletten in {town}|WC-Anlagen mit Öffnungszeiten|Nette Toilette: Standorte",
             "Toilette,WC,Barrierefrei",
             "Ausstattung, Preis und Zugang mit Rollstuhl.|Anlagen der Stadt und von Gaststätten."),
    _subject("wifi", "TECH", "infrastruktur/wlan", "CSV GEOJSON",
             "WLAN-Hotspots in {town}|Freies Internet an öffentlichen Orten|Zugangspunkte des Stadtnetzes",
             "WLAN,Internet,Digitalisierung",
             "Standorte der Sender und Reichweite.|Nutzung je Tag und Ort."),
    _subject("broadband", "TECH", "infrastruktur/breitband", "GEOJSON",
             "Breitbandausbau {town}|Glasfaser: Verfügbarkeit nach Adressen|Versorgung mit schnellem Internet {year}",
             "Breitband,Glasfaser,Internet",
             "Anteil der Haushalte mit mehr als 100 Mbit.|Geplante Trassen und ausgebaute Gebiete."),
    _subject("population", "SOCI", "bevoelkerung/einwohner", "CSV",
             "Einwohnerzahlen {town} {year}|Bevölkerung nach Alter und Geschlecht|Einwohner nach Stadtteilen",
             "Bevölkerung,Statistik,Demografie",
             "Hauptwohnsitz am Stichtag, aus dem Melderegister.|Zeitreihe seit der Gebietsreform."),
    _subject("births", "SOCI", "bevoelkerung/geburt", "CSV",
             "Geburten und Sterbefälle in {town}|Natürliche Bevölkerungsbewegung {year}|Geborene und Gestorbene",
             "Geburt,Sterbefall,Statistik",
             "Monatlich, nach Wohnort der Mutter.|Zeitreihe der Standesfälle."),
    _subject("names", "SOCI", "bevoelkerung/vorname", "CSV",
             "Vornamen {year} in {town}|Beliebteste Namen der Neugeborenen|Vornamensstatistik des Standesamts",
             "Vornamen,Standesamt,Kinder",
             "Häufigkeit jedes Namens, nach Geschlecht.|Namen, die mindestens dreimal vergeben wurden."),
    _subject("moves", "SOCI", "bevoelkerung/wanderung", "CSV",
             "Zuzüge und Fortzüge {town} {year}|Wanderungen über die Stadtgrenze|Umzüge zwischen den Stadtteilen",
             "Wanderung,Umzug,Statistik",
             "Herkunft und Ziel nach Kreisen.|Saldo nach Altersgruppen."),
    _subject("election", "GOVE", "politikUndWahlen/wahl/bundestagswahl", "CSV",
             "Bundestagswahl {year}: Ergebnisse {town}|Wahlergebnis zum Deutschen Bundestag|"
             "Bundestagswahl: Stimmen nach Wahlbezirken",
             "Wahl,Bundestag,Stimmen",
             "Erst- und Zweitstimmen je Partei.|Beteiligung und gültige Stimmen je Bezirk."),
    _subject("council-election", "GOVE", "politikUndWahlen/wahl/kommunalwahl", "CSV",
             "Kommunalwahl {year} in {town}|Wahl zum Gemeinderat: Ergebnisse|Stadtratswahl nach Wahlbezirken",
             "Wahl,Gemeinderat,Kommunalwahl",
             "Stimmen und Sitze der Listen.|Gewählte Mitglieder mit Stimmenzahl."),
    _subject("council", "GOVE", "politikUndWahlen/ratsinformation", "JSON",
             "Ratsinformation {town} (OParl)|Sitzungen und Beschlüsse des Stadtrats|"
             "Vorlagen und Niederschriften der Ausschüsse",
             "Rat,Sitzung,Beschluss",
             "Tagesordnungen und Drucksachen, öffentlich.|Gremien, Mitglieder und Termine."),
    _subject("budget", "GOVE", "finanzen/haushalt", "CSV XLSX",
             "Haushaltsplan {town} {year}|Städtischer Haushalt: Erträge und Aufwendungen|Produkthaushalt mit Ansätzen",
             "Haushalt,Finanzen,Etat",
             "Ansatz und Ergebnis je Produkt und Konto.|Investitionen der nächsten vier Jahre."),
    _subject("grants", "GOVE", "finanzen/zuwendung", "CSV",
             "Zuwendungen der Stadt {town} {year}|Zuschüsse an Vereine|Förderung freier Träger",
             "Zuwendung,Förderung,Vereine",
             "Empfänger, Zweck und Betrag.|Bewilligte Mittel für Kultur und Sport."),
    _subject("dogs", "GOVE", "finanzen/hundesteuer", "CSV",
             "Hunde in {town}: Bestand {year}|Hundesteuer: angemeldete Tiere|Hundebestand nach Rassen und Stadtteilen",
             "Hund,Steuer,Tiere",
             "Zahl der gemeldeten Tiere.|Befreiungen und ermäßigte Fälle."),
    _subject("permits", "REGI", "bau/baugenehmigung", "CSV",
             "Baugenehmigungen {year} in {town}|Genehmigte Wohnungen und Gebäude|"
             "Bautätigkeit: Genehmigungen und Fertigstellungen",
             "Bau,Genehmigung,Wohnungsbau",
             "Zahl der Vorhaben nach Art und Monat.|Nur Summen, ohne Angaben zu Personen."),
    _subject("plans", "REGI", "raumplanung/bebauungsplan", "GEOJSON PDF",
             "Bebauungspläne {town}|Rechtskräftige B-Pläne|Verbindliche Bauleitplanung: Geltungsbereiche",
             "Bebauungsplan,Planung,Baurecht",
             "Umringe, Nummer und Datum des Inkrafttretens.|Festsetzungen als XPlanung."),
    _subject("landuse", "REGI", "raumplanung/flaechennutzungsplan", "WMS_SRVC PDF",
             "Flächennutzungsplan {town}|Vorbereitende Bauleitplanung {year}|Darstellung der Flächennutzung",
             "Planung,Flächen,Nutzung",
             "Art der Bodennutzung im ganzen Gebiet.|Änderungen mit Stand des Verfahrens."),
    _subject("landprice", "REGI", "raumplanung/bodenrichtwert", "CSV WMS_SRVC",
             "Bodenrichtwerte {year} {town}|Richtwerte für Bauland|Grundstückswerte nach Zonen",
             "Boden,Grundstück,Gutachterausschuss",
             "Wert je Quadratmeter und Zone.|Vom Gutachterausschuss beschlossen."),
    _subject("rent", "SOCI", "wohnen/mietspiegel", "CSV PDF",
             "Mietspiegel {town} {year}|Ortsübliche Vergleichsmieten|Mieten nach Lage und Baujahr",
             "Miete,Wohnung,Wohnen",
             "Spannen je Quadratmeter nach Größe.|Zu- und Abschläge für Ausstattung."),
    _subject("parcels", "REGI", "raumplanung/liegenschaftskataster", "GML WFS_SRVC",
             "Flurstücke {town}|Liegenschaftskataster: Grundstücke und Gebäude|Flurkarte",
             "Kataster,Vermessung,Geobasisdaten",
             "Grenzen und Nummern, ohne Eigentümer.|Tatsächliche Nutzung der Parzellen."),
    _subject("addresses", "REGI", "raumplanung/adressen", "CSV GEOJSON",
             "Hauskoordinaten und Adressen {town}|Amtliche Adressdaten|Straßenverzeichnis mit Hausnummern",
             "Adressen,Straßen,Hausnummer",
             "Koordinate je Hausnummer.|Schlüssel und Namen aller Straßen."),
    _subject("districts", "REGI", "raumplanung/verwaltungsgrenze", "GEOJSON",
             "Stadtteile in {town}: Grenzen|Ortsteile und statistische Bezirke|Verwaltungsgliederung {year}",
             "Grenzen,Stadtbezirk,Geodaten",
             "Flächen mit Schlüssel und Namen.|Umringe der Gebietsgliederung."),
    _subject("aerial", "REGI", "raumplanung/luftbild", "WMS_SRVC TIFF",
             "Luftbilder {town} {year}|Digitale Orthophotos|Befliegung: Bilder mit 10 cm Auflösung",
             "Luftbild,Orthophoto,Fernerkundung",
             "Entzerrte Aufnahmen im Frühjahr.|Kacheln und Blattschnitt."),
    _subject("model3d", "REGI", "raumplanung/stadtmodell", "GML",
             "3D-Stadtmodell {town}|Gebäudemodell LoD2|Dreidimensionale Gebäude {year}",
             "3D,Gebäude,Modell",
             "Dachformen und Höhen aus Laserscan.|Als CityGML je Kachel."),
    _subject("monuments", "EDUC", "kultur/denkmal", "CSV GEOJSON",
             "Denkmäler in {town}|Liste der Baudenkmale|Denkmalverzeichnis {year}",
             "Denkmal,Kultur,Geschichte",
             "Bezeichnung, Baujahr und Lage.|Ensembles und Bodendenkmale."),
    _subject("museums", "EDUC", "kultur/museum", "CSV",
             "Museen und Sammlungen in {town}|Besucherzahlen der Museen {year}|Ausstellungshäuser",
             "Museum,Kultur,Besucher",
             "Häuser mit Öffnungszeiten und Eintritt.|Eintritte je Monat."),
    _subject("libraries", "EDUC", "kultur/bibliothek", "CSV",
             "Stadtbibliothek {town}: Ausleihen|Büchereien und Zweigstellen|Bestand und Entleihungen {year}",
             "Bibliothek,Bücher,Medien",
             "Medien je Zweigstelle und Jahr.|Standorte mit Öffnungszeiten."),
    _subject("sports", "EDUC", "sport/sportstaette", "CSV GEOJSON",
             "Sportstätten in {town}|Turnhallen und Sportplätze|Sportanlagen mit Belegung {year}",
             "Sport,Turnhalle,Verein",
             "Größe, Boden und Nutzung durch Vereine.|Freie Zeiten in Hallen."),
    _subject("pools", "EDUC", "sport/schwimmbad", "CSV",
             "Schwimmbäder in {town}|Hallen- und Freibäder: Besuche {year}|Auslastung der Bäder",
             "Schwimmbad,Freibad,Sport",
             "Becken, Preise und Öffnungszeiten.|Gäste je Tag."),
    _subject("cemeteries", "SOCI", "infrastruktur/friedhof", "GEOJSON",
             "Friedhöfe in {town}|Kommunale Begräbnisstätten|Friedhofsflächen und Grabarten",
             "Friedhof,Bestattung,Grab",
             "Umringe und Träger.|Ehrengräber und Ruhezeiten."),
    _subject("hospitals", "HEAL", "gesundheit/krankenhaus", "CSV",
             "Krankenhäuser in {town}|Kliniken mit Fachabteilungen|Stationäre Versorgung: Betten {year}",
             "Krankenhaus,Klinik,Gesundheit",
             "Träger, Betten und Notaufnahme.|Häuser mit Hubschrauberlandeplatz."),
    _subject("care", "HEAL", "soziales/pflege", "CSV",
             "Pflegeheime in {town}|Stationäre Pflegeeinrichtungen: Plätze|Angebote für Seniorinnen und Senioren",
             "Pflege,Senioren,Altenheim",
             "Zahl der Plätze und Träger.|Kurzzeitpflege und Tagespflege."),
    _subject("jobless", "SOCI", "wirtschaft/arbeitslosigkeit", "CSV",
             "Arbeitslose in {town} {year}|Arbeitslosenquote nach Stadtteilen|"
             "Arbeitsmarkt: Beschäftigte und Arbeitslose",
             "Arbeitsmarkt,Beschäftigung,Statistik",
             "Bestand am Monatsende.|Anteile nach Dauer und Alter."),
    _subject("business", "ECON", "wirtschaft/gewerbe", "CSV",
             "Gewerbeanmeldungen {town} {year}|Gewerbeanzeigen: An- und Abmeldungen|Gegründete Betriebe nach Branche",
             "Gewerbe,Betrieb,Gründung",
             "Monatlich nach Wirtschaftszweig.|Rechtsform und Anlass, nur Summen."),
    _subject("sites", "ECON", "wirtschaft/gewerbeflaeche", "GEOJSON",
             "Gewerbegebiete in {town}|Freie Gewerbeflächen|Industrie- und Gewerbestandorte",
             "Gewerbe,Fläche,Ansiedlung",
             "Größe, Preis und Erschließung.|Flächen im Eigentum der Wirtschaftsförderung."),
    _subject("markets", "ECON", "wirtschaft/markt", "CSV",
             "Wochenmärkte in {town}|Märkte und Volksfeste {year}|Marktplätze mit Zeiten",
             "Markt,Einkaufen,Händler",
             "Tage, Uhrzeiten und Stände.|Plätze mit Stromanschluss."),
    _subject("tourism", "ECON", "tourismus/uebernachtung", "CSV",
             "Übernachtungen {year} in {town}|Tourismusstatistik: Gäste und Aufenthalt|"
             "Beherbergung nach Herkunft der Gäste",
             "Tourismus,Gäste,Hotel",
             "Ankünfte und Nächte je Monat.|Auslastung der Betten."),
    _subject("energy", "ENER", "energie/energiebericht", "CSV",
             "Energieverbrauch städtischer Gebäude {town}|Energiebericht {year}: Strom und Wärme der Liegenschaften|"
             "Verbräuche öffentlicher Gebäude",
             "Energie,Gebäude,Verbrauch",
             "Kilowattstunden je Quadratmeter und Haus.|Witterungsbereinigt, für Schulen und Verwaltung."),
    _subject("heatplan", "ENER", "energie/waermeversorgung", "GEOJSON GPKG",
             "Kommunale Wärmeplanung {town}|Wärmebedarf nach Baublöcken|Wärmeplan: Eignungsgebiete {year}",
             "Wärme,Heizung,Planung",
             "Bedarf und Potenziale, aggregiert.|Gebiete für Netze und für dezentrale Versorgung."),
    _subject("district-heat", "ENER", "energie/fernwaerme", "GEOJSON",
             "Fernwärmenetz {town}|Nah- und Fernwärme: Leitungen und Anschlüsse|Versorgungsgebiet der Fernwärme",
             "Fernwärme,Netz,Stadtwerke",
             "Trassen, vereinfacht, ohne Hausanschlüsse.|Erzeuger und Anteil erneuerbarer Quellen."),
    _subject("solar", "ENER", "energie/solarkataster", "GEOJSON CSV",
             "Solarkataster {town}|Eignung der Dächer für Photovoltaik|Solarpotenzial auf Dachflächen {year}",
             "Solar,Photovoltaik,Dach",
             "Einstrahlung und möglicher Ertrag.|Bereits belegte Flächen und Anlagen."),
    _subject("wind", "ENER", "energie/windenergie", "CSV",
             "Windenergieanlagen in {town}|Windräder: Standorte und Leistung|Stromerzeugung aus Wind {year}",
             "Wind,Strom,Erneuerbare",
             "Nabenhöhe, Leistung und Inbetriebnahme.|Ertrag je Jahr."),
    _subject("emissions", "ENVI", "klimaschutzUndUmweltschutz/treibhausgas", "CSV",
             "Treibhausgasbilanz {town} {year}|CO2-Emissionen nach Sektoren|Klimabilanz",
             "Klimaschutz,CO2,Bilanz",
             "Tonnen je Jahr nach BISKO.|Endenergie und Ausstoß von Verkehr und Haushalten."),
    _subject("green", "ENVI", "floraUndFauna/gruenflaeche", "GEOJSON",
             "Grünflächen in {town}|Parks und öffentliche Grünanlagen|Grünanlagenverzeichnis {year}",
             "Grün,Park,Erholung",
             "Umringe, Größe und Pflegeklasse.|Anlagen mit Wegen und Bänken."),
    _subject("allotments", "ENVI", "floraUndFauna/kleingarten", "GEOJSON",
             "Kleingärten in {town}|Kleingartenanlagen und Vereine|Schrebergärten: Parzellen",
             "Kleingarten,Verein,Garten",
             "Zahl der Parzellen und Leerstand.|Flächen im Eigentum der Stadt."),
    _subject("orchards", "ENVI", "floraUndFauna/streuobst", "CSV GEOJSON",
             "Streuobstwiesen {town}|Obstbäume zum Ernten|Essbare Stadt: Obst auf öffentlichem Grund",
             "Obst,Ernte,Wiese",
             "Sorten und Erntezeit.|Bäume, deren Früchte alle pflücken dürfen."),
    _subject("protected", "ENVI", "floraUndFauna/schutzgebiet", "WFS_SRVC GEOJSON",
             "Naturschutzgebiete in {town}|Schutzgebiete: Landschaftsschutz und Biotope|"
             "Geschützte Landschaftsteile {year}",
             "Naturschutz,Biotop,Landschaft",
             "Grenzen, Verordnung und Ziel.|Kartierte Lebensräume."),
    _subject("sealing", "ENVI", "raumplanung/versiegelung", "GEOJSON TIFF",
             "Versiegelte Flächen in {town}|Bodenversiegelung {year}|Versiegelungsgrad nach Blöcken",
             "Versiegelung,Boden,Klimaanpassung",
             "Anteil aus Luftbildern abgeleitet.|Grundlage der Niederschlagsgebühr."),
    _subject("sirens", "GOVE", "sicherheit/zivilschutzUndKatastrophenschutz/sirene", "CSV GPKG",
             "Sirenenstandorte {town}|Warnung der Bevölkerung: Sirenen|Sirenennetz {year}",
             "Sirene,Warnung,Katastrophenschutz",
             "Art, Reichweite und letzte Probe.|Nur für Behörden mit Sicherheitsaufgaben."),
    _subject("fire", "GOVE", "sicherheit/feuerwehr", "CSV",
             "Einsätze der Feuerwehr {town} {year}|Feuerwehr und Rettungsdienst: Einsatzstatistik|"
             "Feuerwachen und Ausrückezeiten",
             "Feuerwehr,Einsatz,Rettungsdienst",
             "Brände und Hilfeleistungen je Monat.|Zeiten von Alarm bis Ankunft."),
    _subject("hydrants", "GOVE", "sicherheit/loeschwasser", "GEOJSON GPKG",
             "Hydranten in {town}|Löschwasserversorgung: Entnahmestellen|Löschwasserplan",
             "Hydrant,Löschwasser,Feuerwehr",
             "Nennweite und Durchfluss.|Teiche und Zisternen für die Feuerwehr."),
    _subject("crime", "JUST", "sicherheit/kriminalitaet", "CSV",
             "Kriminalstatistik {town} {year}|Straftaten nach Stadtteilen|Polizeilich erfasste Delikte",
             "Kriminalität,Polizei,Sicherheit",
             "Fälle und Aufklärung je Deliktsgruppe.|Häufigkeit je tausend Einwohner."),
    _subject("refugees", "SOCI", "soziales/asyl", "CSV",
             "Geflüchtete in {town} {year}|Unterkünfte für Asylsuchende: Plätze|Belegung der Gemeinschaftsunterkünfte",
             "Asyl,Flucht,Integration",
             "Plätze und Belegung je Haus.|Herkunft nach Ländern, ab fünf Personen."),
    _subject("welfare", "SOCI", "soziales/sozialhilfe", "CSV",
             "Empfänger von Grundsicherung in {town}|Sozialhilfe und Wohngeld {year}|"
             "Bürgergeld: Bedarfsgemeinschaften nach Stadtteilen",
             "Soziales,Grundsicherung,Wohngeld",
             "Anteil an der Bevölkerung.|Leistungen im Dezember."),
    _subject("volunteers", "SOCI", "soziales/ehrenamt", "CSV",
             "Vereine und Ehrenamt in {town}|Vereinsverzeichnis {year}|Freiwilliges Engagement: Einrichtungen",
             "Verein,Ehrenamt,Engagement",
             "Name, Zweck und Ansprechpartner.|Angebote, die Freiwillige suchen."),
    _subject("defects", "GOVE", "verwaltung/maengelmelder", "JSON CSV",
             "Mängelmelder {town}|Anliegen von Bürgerinnen und Bürgern {year}|Gemeldete Schäden im Straßenraum",
             "Mängel,Meldung,Bürgerbeteiligung",
             "Art, Ort und Stand der Bearbeitung.|Müll, Schlaglöcher, defekte Laternen."),
    _subject("waiting", "GOVE", "verwaltung/buergerbuero", "JSON",
             "Wartezeiten im Bürgerbüro {town}|Bürgeramt: Besucher und Wartezeit|"
             "Termine in Bürgerservice und Zulassung",
             "Bürgerbüro,Wartezeit,Verwaltung",
             "Mittlere Dauer je Stunde.|Freie Termine der nächsten Tage."),
    _subject("staff", "GOVE", "verwaltung/personal", "CSV",
             "Personal der Stadtverwaltung {town}|Stellenplan {year}|Beschäftigte der Verwaltung nach Ämtern",
             "Personal,Stellen,Verwaltung",
             "Stellen und Besetzung je Amt.|Teilzeit und Altersaufbau."),
    _subject("cars", "TRAN", "verkehr/kfz/bestand", "CSV",
             "Zugelassene Kraftfahrzeuge in {town}|Fahrzeugbestand nach Antrieb {year}|Pkw je tausend Einwohner",
             "Kfz,Auto,Zulassung",
             "Bestand am 1. Januar nach Kraftstoff.|Private und gewerbliche Halter."),
    _subject("barrierfree", "SOCI", "soziales/barrierefreiheit", "CSV",
             "Barrierefreie Orte in {town}|Zugänglichkeit öffentlicher Gebäude für Rollstühle|"
             "Aufzüge und Rampen {year}",
             "Barrierefreiheit,Rollstuhl,Inklusion",
             "Eingang, Aufzug und WC je Gebäude.|Geprüft vom Beirat für Menschen mit Behinderung."),
)  # fmt: skip


def iri(subject: str, number: int) -> str:
    """Of one dataset of the corpus."""
    return f"https://daten.example/{subject}/{number}"


def datasets() -> Iterator[dict[str, Any]]:
    """Entries as a DSP catalogue has them; EACH of each subject."""
    for place, subject in enumerate(SUBJECTS):
        for number in range(EACH):
            yield _dataset(subject, place, number)


def _dataset(subject: Subject, place: int, number: int) -> dict[str, Any]:
    town, year = TOWNS[(place + 5 * number) % len(TOWNS)], 2015 + (place + 3 * number) % 11
    title = subject.titles[number % len(subject.titles)].format(town=town, year=year)
    about = subject.about[number % len(subject.about)]
    other = SUBJECTS[(place + 7 * number + 11) % len(SUBJECTS)]
    beside = f"Siehe auch: {other.titles[0].format(town=town, year=year)}." if number % 3 == 2 else ""
    return {
        "@id": iri(subject.name, number),
        "@type": "Dataset",
        "dct:title": title,
        "dct:description": f"{about} Herausgeber: {town}. Stand {year}. {beside}".strip(),
        "dcat:keyword": [*subject.keywords.split(","), town][number % 2 :],
        "dcat:theme": {"@id": f"http://publications.europa.eu/resource/authority/data-theme/{subject.theme}"},
        "dct:references": {"@id": f"https://musterdatenkatalog.de/def/musterdatensatz/{subject.field}"},
        "dct:modified": f"{year}-{1 + number:02}-{1 + place % 28:02}",
        "distribution": [
            {
                "@type": "Distribution",
                "dct:format": {"@id": f"http://publications.europa.eu/resource/authority/file-type/{one}"},
                "dct:license": {"@id": "http://dcat-ap.de/def/licenses/dl-by-de/2.0"},
            }
            for one in subject.formats.split()
        ],
    }


def many(count: int) -> Iterator[dict[str, Any]]:
    """So many, by as many further towns as it takes: the same subjects in the same wordings, each under its own IRI."""
    for number in range(count):
        place, turn = number % len(SUBJECTS), number // len(SUBJECTS)
        entry = _dataset(SUBJECTS[place], place, turn % EACH)
        town = f"{_BEGINNINGS[turn % 40]}{_BEGINNINGS[turn // 40 % 40]}{_ENDS[turn // 1600 % 8]}".capitalize()
        entry["@id"] = f"https://daten.example/many/{number}"
        entry["dct:title"] += f" (Gemeinde {town})"
        entry["dct:description"] += f" {town}, Blatt {turn}."
        yield entry


_BEGINNINGS = (
    "alt", "ber", "birk", "brun", "dorn", "eich", "ell", "erl", "fels", "feld", "gold", "grün", "hag", "hain",
    "heid", "hoh", "holz", "kalt", "kirch", "lang", "lauf", "lind", "moos", "mühl", "neu", "nord", "ober", "ost",
    "ram", "reut", "ries", "roth", "sand", "schön", "stein", "stern", "süd", "tann", "wald", "weid",
)  # fmt: skip
_ENDS = ("heim", "dorf", "stedt", "au", "bach", "hausen", "rode", "weiler")
