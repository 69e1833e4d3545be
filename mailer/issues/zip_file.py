"""Write an issue as a ZIP of its YAML file and images, and unpack one.  Pure, but for the folder it fills."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import yaml

from mailer.core.i18n import Explained
from mailer.issues.drafts import Document, written

YAML_NAME = "numero.yaml"
YAML_ENDINGS = (".yaml", ".yml")
MAX_FILES = 200
MAX_UNPACKED = 100_000_000  # bytes: a bomb is bigger
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same content is the same file, whenever it is written
_WIDTH = 110
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError)


class UnreadableZip(Explained):
    """Tell why an archive cannot be taken."""

    sentences = "issues", "zip"


def write(document: Document, images: Mapping[str, bytes]) -> bytes:
    """Return the archive of a letter; `images` by their src."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, YAML_NAME, text(document).encode())
        for src, body in sorted(images.items()):
            _add(archive, src, body)
    return file.getvalue()


def text(document: Document) -> str:
    """Return a letter as the YAML that `mailer issue import` reads."""
    return yaml.safe_dump(written(document), allow_unicode=True, sort_keys=False, width=_WIDTH)


def unpack(body: bytes, folder: Path) -> Path:
    """Write the files of an archive into a folder; return the path of its YAML file.

    Raises UnreadableZip.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [each for each in archive.infolist() if _is_wanted(each)]
            if len(members) > MAX_FILES or sum(each.file_size for each in members) > MAX_UNPACKED:
                raise UnreadableZip("too_much")
            paths = [_written(archive, each, folder) for each in members]
    except _UNREADABLE:
        raise UnreadableZip("no_zip") from None
    found = sorted(
        (path for path in paths if path.suffix.lower() in YAML_ENDINGS), key=lambda p: len(p.parts)
    )
    if len(found) != 1:
        raise UnreadableZip("one_yaml")
    return found[0]


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    """Return whether it is a file that a person put there, and not one that macOS adds."""
    path = PurePosixPath(member.filename)
    return not member.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _written(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> Path:
    path = (folder / member.filename).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise UnreadableZip("outside")
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as inside:
        path.write_bytes(inside.read(member.file_size + 1))
    return path


def _add(archive: zipfile.ZipFile, name: str, body: bytes) -> None:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, body)
