"""What docs/aws shows of the templates is what they are."""

from xml.etree import ElementTree

from infra import page, picture
from infra.check.assertions import assembly_of
from infra.environments import PRODUCTION
from infra.recorded import recorded
from openbourse.roles import FLEETS


def test_the_table_is_current() -> None:
    assert page.FILE.read_text() == page.page(assembly_of(PRODUCTION, recorded())), "python -m infra.page"


def test_the_picture_is_current_and_shows_every_fleet() -> None:
    text = picture.FILE.read_text()
    assert text == picture.picture(assembly_of(PRODUCTION, recorded())), "python -m infra.picture"
    shown = "".join(ElementTree.fromstring(text).itertext())
    assert all(fleet.name in shown for fleet in FLEETS)
