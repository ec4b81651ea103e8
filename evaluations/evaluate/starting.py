"""What is typed to start a session, and the session that comes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from arena.errors import ArenaError, NotFound
from arena.models import Person, Station
from evaluations import assignments, photos
from evaluations.categories import intended_category
from evaluations.models import Photo, Session
from evaluations.photos import Prepared
from evaluations.rubrics import MAX_STAGES, rubric_for

_FIELD_OF = {
    "instruction_missing": "instruction",
    "instruction_too_long": "instruction",
    "instruction_unreadable": "instruction",
    "bad_rubric": "rubric",
    "bad_photo": "photo",
    "photo_too_large": "photo",
    "station_missing": "station",
    "station_unknown": "station",
    "station_retired": "station",
    "not_a_member": "station",
}
ABOVE = "above"
"""Where an error stands that belongs to no field."""


@dataclass(frozen=True)
class StageRow:
    """A stage as it is typed: not yet known to be one."""

    percent: str = ""
    text: str = ""

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()


@dataclass
class StartForm:
    station: str = ""
    instruction: str = ""
    stages: list[StageRow] = field(default_factory=list)
    rubric_edited: bool = False
    training: bool = False
    photo: "UploadedFile[bytes] | None" = None
    errors: dict[str, str] = field(default_factory=dict)
    status: int = 200

    @property
    def rows(self) -> list[StageRow]:
        """The stages, and blank rows to add to them."""
        room = MAX_STAGES - len(self.stages)
        return self.stages + [StageRow()] * min(room, 1)

    def refuse(self, error: ArenaError) -> None:
        self.errors[_FIELD_OF.get(error.code, ABOVE)] = f"{error.message} {error.hint}".strip()
        self.status = error.status


def posted_form(data: QueryDict, photo: "UploadedFile[bytes] | None") -> StartForm:
    rows = zip(data.getlist("stage_percent"), data.getlist("stage_text"), strict=False)
    stages = [StageRow(percent[:10], text[:1000]) for percent, text in rows]
    return StartForm(
        station=data.get("station", ""),
        instruction=data.get("instruction", ""),
        stages=[stage for stage in stages if not stage.is_blank][: MAX_STAGES + 1],
        rubric_edited=bool(data.get("rubric_edited")),
        training=bool(data.get("training")),
        photo=photo,
    )


def stage_rows(rubric: Iterable[Mapping[str, Any]]) -> list[StageRow]:
    return [StageRow(str(stage["percent"]), stage["text"]) for stage in rubric]


def suggested_stages(instruction: str) -> list[StageRow]:
    return stage_rows(stage.as_json() for stage in rubric_for(intended_category(instruction)))


def start(*, person: Person, stations: Iterable[Station], form: StartForm, now: datetime) -> Session:
    """Open the session that the form describes. A photo that cannot be read opens none."""
    station = _station(stations, form.station)
    photo = _photo(form.photo)
    if not form.training:
        assignments.require_training(person=person, station=station)
    # Without scripts the stages stay those of an earlier instruction unless somebody changed them.
    untouched = not form.rubric_edited and form.stages in ([], suggested_stages(""))
    session = assignments.open_session(
        person=person,
        station=station,
        instruction=form.instruction,
        rubric=None if untouched else [_stage(row) for row in form.stages],
        training=form.training,
        now=now,
    )
    if photo is not None:
        photos.keep(session=session, moment=Photo.Moment.START, photo=photo, now=now)
    return session


def _station(stations: Iterable[Station], chosen: str) -> Station:
    if not chosen:
        raise ArenaError("station_missing", "Say at which station you are.")
    station = next((station for station in stations if str(station.pk) == chosen), None)
    if station is None:
        raise NotFound("station_unknown", "You have no such station in use.")
    return station


def _photo(file: "UploadedFile[bytes] | None") -> Prepared | None:
    return photos.prepare(file, size=file.size or 0) if file else None


def _stage(row: StageRow) -> dict[str, Any]:
    percent = row.percent.strip()
    return {"percent": int(percent) if percent.isascii() and percent.isdigit() else None, "text": row.text}


def is_due(person: Person, station: Station) -> bool:
    return assignments.training_is_due(person=person, station=station)
