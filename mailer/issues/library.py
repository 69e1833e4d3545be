"""Hold the images that a newsletter has at hand: where each is used, and what is put in its place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from mailer.issues import drafts, lifecycle, stored_images, versions
from mailer.issues.archive import fold
from mailer.issues.assets import AssetFile
from mailer.issues.models import Asset, Issue, LibraryImage
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter


class InUse(Exception):
    """Say that an image is shown somewhere: it cannot be taken away."""


@dataclass(frozen=True)
class Use:
    """Hold a place where an image is shown."""

    issue: Issue
    block_id: str
    kind: str
    alt: str

    @property
    def changes(self) -> bool:
        """Return whether another image can still be put there."""
        return self.issue.state is IssueState.DRAFT


@dataclass(frozen=True)
class Entry:
    """Hold an image of the library, and where it or a part of it is used, the latest first."""

    image: LibraryImage
    file: str  # its name in an address
    width: int
    height: int
    weight: int  # bytes
    uses: tuple[Use, ...]

    @property
    def alt(self) -> str:
        """Return what to propose: the words kept with it, or those of its last use."""
        return self.image.alt or next((use.alt for use in self.uses if use.alt), "")

    @property
    def drafts(self) -> int:
        """Return in how many drafts it can be replaced."""
        return len({use.issue.id for use in self.uses if use.changes})


def listing(db: Session, of: Newsletter, words: str = "") -> list[Entry]:
    """Return the images of a newsletter whose name, words or credit hold these, the latest first."""
    wanted = fold(words.strip())
    return [
        entry for entry in _entries(db, of)
        if wanted in fold(" ".join((entry.image.name, entry.alt, entry.image.credit)))
    ]  # fmt: skip


def entry(db: Session, of: Newsletter, sha256: str) -> Entry | None:
    """Return one of them, None when it is not there."""
    return next((found for found in _entries(db, of) if found.image.sha256 == sha256), None)


def describe(db: Session, of: Newsletter, sha256: str, *, name: str, alt: str, credit: str) -> None:
    """Keep what is said of an image; blocks that show it keep their own words."""
    image = db.get_one(LibraryImage, (of.id, sha256))
    image.name = stored_images.short_name(name) or image.name
    image.alt, image.credit = stored_images.one_line(alt), stored_images.one_line(credit)


def remove(db: Session, of: Newsletter, sha256: str) -> None:
    """Take away an image that no issue shows.  Raises InUse."""
    image = entry(db, of, sha256)
    if image is None:
        return
    if image.uses:
        raise InUse
    db.execute(delete(LibraryImage).where(LibraryImage.newsletter_id == of.id, LibraryImage.sha256 == sha256))


def replace(
    db: Session, of: Newsletter, sha256: str, file_name: str, body: bytes, *, by: str, now: datetime
) -> tuple[str, int]:
    """Show another image wherever drafts show this one, cut alike; return its hash, and in how many drafts.

    What is scheduled or was sent keeps what it has.  Raises BadImage, KeyError.
    """
    before = entry(db, of, sha256)
    if before is None:
        raise KeyError(sha256)
    image = stored_images.upload(db, body)
    stored_images.keep_all(db, of, {file_name: image}, by=by, now=now)
    changed = {use.issue.id: use.issue for use in before.uses if use.changes}
    for issue in changed.values():
        versions.begin(db, issue)
        _replace_in(db, issue, _root(db, sha256), image)
        versions.keep(db, issue, by=by, now=now)
    _inherit(db, before.image, db.get_one(LibraryImage, (of.id, image.sha256)))
    return image.sha256, len(changed)


def _replace_in(db: Session, issue: Issue, root: str, image: AssetFile) -> None:
    """Point the names that a draft has for an image, or for parts of it, to another one."""
    if lifecycle.locked(db, issue).state is not IssueState.DRAFT:
        return
    roots = _roots(db, issue.assets.values())
    for src, name in issue.assets.items():
        if roots.get(_hash(name)) == root and (old := stored_images.named(db, name)):
            issue.assets = issue.assets | {src: stored_images.cut(db, image, old.crop).name}
    db.flush()


def _inherit(db: Session, old: LibraryImage, new: LibraryImage) -> None:
    """Give the words of an image to the one in its place, which has none."""
    new.alt, new.credit = new.alt or old.alt, new.credit or old.credit
    db.flush()


def _entries(db: Session, of: Newsletter) -> list[Entry]:
    images = select(LibraryImage, Asset, func.octet_length(Asset.body)).join(Asset)
    own = images.where(LibraryImage.newsletter_id == of.id)
    rows = db.execute(own.order_by(LibraryImage.added_at.desc(), LibraryImage.name)).all()
    uses = _uses(db, of)
    return [
        Entry(image, f"{asset.sha256}.{_ending(asset)}", asset.width, asset.height, weight,
              tuple(uses.get(asset.original or asset.sha256, ())))
        for image, asset, weight in rows
    ]  # fmt: skip


def _uses(db: Session, of: Newsletter) -> dict[str, list[Use]]:
    """Return where the images of a newsletter are shown, by the hash of what they were cut from."""
    own = select(Issue).where(Issue.newsletter_id == of.id)
    issues = list(db.scalars(own.order_by(Issue.created_at.desc())))
    roots = _roots(db, (name for issue in issues for name in issue.assets.values()))
    uses: dict[str, list[Use]] = {}
    for issue in issues:
        for src, use in _shown(issue):
            sha256 = _hash(issue.assets.get(src, ""))
            uses.setdefault(roots.get(sha256, sha256), []).append(use)
    return uses


def _shown(issue: Issue) -> Iterator[tuple[str, Use]]:
    for block in drafts.identified(issue.content)["blocks"]:
        for image in drafts.pictures({"blocks": [block]}):
            yield image["src"], Use(issue, block["id"], block["kind"], image.get("alt", ""))


def _roots(db: Session, names: Iterable[str]) -> dict[str, str]:
    """Return the hash of the original of each image, by the image's own."""
    made = select(Asset.sha256, Asset.original).where(Asset.sha256.in_({_hash(name) for name in names}))
    return {row.sha256: row.original or row.sha256 for row in db.execute(made)}


def _root(db: Session, sha256: str) -> str:
    return _roots(db, [sha256])[sha256]


def _hash(name: str) -> str:
    return name.partition(".")[0]


def _ending(asset: Asset) -> str:
    return asset.media_type.partition("/")[2].replace("jpeg", "jpg")
