"""Where files lie: how much room there is, how a finished upload gets in, and what was left behind.

Files are written beside the media and linked into them, on one disk. Nothing here opens what was sent.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage
from django.db.models import F, Sum

from arena.errors import ArenaError
from evaluations.models import MediaFile, Photo, Upload

PART = ".part"


class StorageFull(ArenaError):
    status = 507


def partial_folder() -> Path:
    return Path(settings.FILE_UPLOAD_TEMP_DIR)


def partial_path(upload: Upload) -> Path:
    return partial_folder() / f"{upload.pk.hex}{PART}"


def write_at(path: Path, offset: int, piece: bytes) -> None:
    """Raises FileIsShort where the file holds fewer bytes than `offset`, and StorageFull."""
    try:
        handle = _open(path)
        try:
            if os.fstat(handle).st_size < offset:
                raise FileIsShort
            _write_all(handle, piece, offset)
        finally:
            os.close(handle)
    except OSError as error:
        raise storage_full() from error


class FileIsShort(Exception):
    """The disk has lost what the database says it holds."""


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def take_in(path: Path, name: str) -> str:
    """Make the file one of the media under a name of ours; it also stays where it is until it is removed there."""
    if not isinstance(default_storage._wrapped, FileSystemStorage):  # type: ignore[attr-defined]
        with path.open("rb") as file:
            return default_storage.save(name, File(file))
    target = Path(default_storage.path(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(path)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one that knows no links
        _copy(path, target)
    target.chmod(settings.FILE_UPLOAD_PERMISSIONS)
    return name


def _copy(path: Path, target: Path) -> None:
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise storage_full() from error


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_space(size: int) -> None:
    """Raise StorageFull where `size` further bytes would leave too little for the platform, or go over the quota."""
    if free_bytes() - size < settings.DISK_RESERVE_BYTES:
        raise storage_full()
    if settings.MEDIA_QUOTA_BYTES and used_bytes() + size > settings.MEDIA_QUOTA_BYTES:
        raise StorageFull(
            "storage_full",
            "The platform's storage for videos is full.",
            hint="Its operator sets the limit; keep the file and try again later.",
        )


def storage_full() -> StorageFull:
    return StorageFull(
        "storage_full",
        "The platform's disk is full.",
        hint="Keep the file and try again later; its operator can see it.",
    )


def free_bytes() -> int:
    return shutil.disk_usage(_existing(partial_folder())).free


def used_bytes() -> int:
    """What was taken in, and what uploads on their way will still need."""
    taken = MediaFile.objects.aggregate(bytes=Sum("size"))["bytes"] or 0
    coming = Upload.objects.filter(finished_at=None, cancelled_at=None).aggregate(bytes=Sum("size"))["bytes"] or 0
    return int(taken + coming)


def remove_stray_parts(*, before: datetime, is_living: Callable[[str], bool]) -> None:
    """Remove what broken uploads have left: neither touched since `before` nor a living upload's."""
    for path in _files(partial_folder(), before):
        if not (path.suffix == PART and is_living(path.stem)):
            path.unlink(missing_ok=True)


def remove_stray_media(*, before: datetime) -> None:
    """Remove files of ours that no row names: a process ended between writing one and saying so."""
    if not isinstance(default_storage._wrapped, FileSystemStorage):  # type: ignore[attr-defined]
        return
    for kind, named in _NAMED.items():
        for folder in _folders(Path(default_storage.path(kind))):
            prefix = f"{kind}/{folder.name}/"
            old = {f"{prefix}{path.name}": path for path in _files(folder, before)}
            known = set(named(prefix)) if old else set()
            for name, path in old.items():
                if name not in known:
                    path.unlink(missing_ok=True)


def _media(field: str) -> Callable[[str], Iterable[str]]:
    return lambda prefix: MediaFile.objects.filter(**{f"{field}__startswith": prefix}).values_list(F(field), flat=True)


_NAMED: dict[str, Callable[[str], Iterable[str]]] = {
    "episodes": _media("file"),
    "playback": _media("playback"),
    "posters": _media("poster"),
    "sheets": _media("sheet"),
    "photos": lambda prefix: Photo.objects.filter(file__startswith=prefix).values_list(F("file"), flat=True),
}


def _folders(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from (Path(entry.path) for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))


def _files(folder: Path, before: datetime) -> Iterator[Path]:
    """Files whose content and place have not changed since then. One that was linked is as young as its link."""
    if not folder.is_dir():
        return
    for entry in list(os.scandir(folder)):
        if entry.is_file(follow_symlinks=False):
            found = entry.stat(follow_symlinks=False)
            if max(found.st_mtime, found.st_ctime) < before.timestamp():
                yield Path(entry.path)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _open(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
    try:
        return os.open(path, flags, settings.FILE_UPLOAD_PERMISSIONS)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, settings.FILE_UPLOAD_PERMISSIONS)


def _write_all(handle: int, piece: bytes, offset: int) -> None:
    left = memoryview(piece)
    while left:
        written = os.pwrite(handle, left, offset)
        left, offset = left[written:], offset + written
