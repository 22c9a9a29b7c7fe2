"""P4: the operator at the provider: from a name to a town, and its first person to the town's first steps."""

import re

import pyotp

from tests.desk.hand import Hand
from tests.desk.journeys.stage import Stage
from tests.desk.towns import Person

PASSWORD = "vier Enten rudern Donnerstags"
_LINK = re.compile(r"https?://\S+/invitation\?code=\S+")
_SECRET = re.compile(r"(?:[A-Z2-7]{4} ){3,}[A-Z2-7]{1,4}\b")


async def town_and_first_person(stage: Stage) -> None:
    """Two people: the operator makes the town and an invitation, whoever is invited comes in by it."""
    operator = await stage.towns.person(f"Otto Betrieb {stage.way}", {}, operator=True)
    async with stage.desk(operator) as hand:
        await hand.open("/administration")
        await hand.follow("Teilnehmer aufnehmen")
        await hand.write("Name", f"Gemeinde Neudorf {stage.way}")
        await hand.press("Weiter")
        await hand.press("Teilnehmer anlegen")
        await hand.write("Wen laden Sie ein?", "Frau Neu")
        await hand.press("Einladung erstellen")
        await hand.see("Diese Adresse gilt einmal")
        link = _found(_LINK, await hand.text())
    newcomer = Person("", "Nele Neu", operator.origin, {"hanse-language": "de"})
    async with stage.desk(newcomer) as hand:
        await hand.open(link)
        await accept(hand, f"nele.{stage.way.replace(' ', '.')}@neudorf.example")
        await hand.follow("Zum Einstieg")
        await hand.see("Angaben zu Ihrem Haus")


async def accept(hand: Hand, login: str) -> None:
    """An invitation, up to the place where the new person begins: account, second factor, codes on paper."""
    await hand.write("Ihr Name", "Nele Neu")
    await hand.write("Name oder E-Mail-Adresse", login)
    await hand.write("Passwort", PASSWORD)
    await hand.press("Einladung annehmen")
    secret = _found(_SECRET, await hand.text()).replace(" ", "")
    await hand.write("Code", pyotp.TOTP(secret).now())
    await hand.press("Zweiten Faktor einrichten")
    await hand.follow("Ich habe die Codes verwahrt")


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    assert found is not None, text
    return found[0]
