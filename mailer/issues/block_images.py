"""Put pictures into the blocks of a draft: from a file, from the library, or cut anew."""

from datetime import datetime

from sqlalchemy.orm import Session

from mailer.issues import composing, drafts, stored_images
from mailer.issues.assets import AssetFile
from mailer.issues.crops import Crop
from mailer.issues.drafts import Stale, Values
from mailer.issues.library import Entry
from mailer.issues.models import Issue


def upload(db: Session, issue: Issue, file_name: str, body: bytes, *, by: str, now: datetime) -> str:
    """Take a file into the issue and its newsletter's library; return its src.

    Raises BadImage, ForbiddenMove.
    """
    image = stored_images.upload(db, body)
    composing.opened(db, issue)
    stored_images.keep_all(db, issue.newsletter, {file_name: image}, by=by, now=now)
    return _src(db, issue, file_name, image)


def picture(db: Session, issue: Issue, block: Values, field: str) -> AssetFile | None:
    """Return what a block shows, None when it has no picture there."""
    src = (block.get(field) or {}).get("src", "")
    return stored_images.named(db, issue.assets[src]) if src in issue.assets else None


def choose(db: Session, issue: Issue, block_id: str, field: str, entry: Entry) -> None:
    """Show an image of the library in a block, with the words kept with it where the block has none.

    Raises ForbiddenMove, Stale.
    """
    composing.opened(db, issue)
    block = _block(issue, block_id)
    image = stored_images.stored(db, entry.image.sha256)
    if image is None:
        raise Stale(block)
    stored_images.keep(db, image)
    now_there = block.get(field) or {}
    words = {"alt": entry.alt, "credit": entry.image.credit}
    kept = {name: value for name, value in words.items() if value and not _has_words(now_there)}
    _show(db, issue, block, field, now_there | kept | {"src": _src(db, issue, entry.image.name, image)})


def crop(db: Session, issue: Issue, block_id: str, field: str, wanted: Crop) -> None:
    """Show another part of a block's picture, cut from its original.

    Raises BadImage, ForbiddenMove, Stale.
    """
    composing.opened(db, issue)
    block = _block(issue, block_id)
    image = picture(db, issue, block, field)
    if image is None:
        raise Stale(block)
    part = stored_images.cut(db, image, wanted)
    src = _src(db, issue, block[field]["src"], part)
    _show(db, issue, block, field, block[field] | {"src": src})


def _has_words(image: Values) -> bool:
    """Return whether somebody has said what is there, or that there is nothing to say."""
    return bool(image.get("alt") or image.get("decorative"))


def _block(issue: Issue, block_id: str) -> Values:
    block = drafts.block_of(composing.document(issue), block_id)
    if block is None:
        raise Stale(None)
    return block


def _src(db: Session, issue: Issue, file_name: str, image: AssetFile) -> str:
    """Return what the issue calls an image, a new name if need be."""
    src = stored_images.free_src(file_name, image, issue.assets)
    issue.assets = issue.assets | {src: image.name}
    db.flush()
    return src


def _show(db: Session, issue: Issue, block: Values, field: str, image: Values) -> None:
    values = {name: value for name, value in block.items() if name not in ("id", "revision")}
    composing.save_block(db, issue, block["id"], values | {field: image}, revision=block["revision"])
