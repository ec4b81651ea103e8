"""What a tagger is given of a session: the instruction, measured facts, and of each camera its contact sheet.

A contact sheet holds frames of the whole rollout, evenly spread. It was made when the video was checked, so that
looking costs no decoding, and every camera can be shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluations import selectors
from evaluations.episode_facts import EpisodeFacts
from evaluations.models import Episode, MediaFile, Session, Side
from reports.providers import Picture

MOST_CAMERAS = 4
"""Of a side; the others tell little more, and pictures are what a question costs."""


@dataclass(frozen=True)
class Look:
    """By the label of a side: what was measured, and how far its evaluator says that it got: no model is told that."""

    instruction: str
    facts: Mapping[str, EpisodeFacts | None]
    progress: Mapping[str, float | None]
    pictures: tuple[Picture, ...] = ()

    def in_words(self) -> dict[str, Any]:
        """The facts as a model is told them."""
        return {label: _told(facts) for label, facts in self.facts.items() if facts}


def look_at(session: Session, *, pictures: bool) -> Look:
    sides = list(Side.objects.filter(session=session).prefetch_related("media").order_by("label"))
    episodes = {one.side_id: one for one in Episode.objects.filter(side__in=sides)}
    return Look(
        instruction=session.instruction,
        facts={side.label: selectors.side_facts(side) for side in sides},
        progress={side.label: episodes[side.pk].progress if side.pk in episodes else None for side in sides},
        pictures=tuple(picture for side in sides for picture in _pictures(side)) if pictures else (),
    )


def _pictures(side: Side) -> list[Picture]:
    seen = [media for media in side.videos if media.sheet and not media.black]
    return [_picture(side, media) for media in seen[:MOST_CAMERAS]]


def _picture(side: Side, media: MediaFile) -> Picture:
    with media.sheet.open("rb") as file:
        jpeg = file.read()
    seconds = media.duration_s or 0.0
    return Picture(jpeg, f"{side.label}, {media.title}: frames evenly from 0.0 to {seconds:.1f} s, row by row")


def _told(facts: EpisodeFacts) -> dict[str, Any]:
    return {
        "seconds": round(facts.duration_s, 1),
        "anything_moves": facts.moved,
        "first_motion_at_seconds": round(facts.idle_at_start_s, 1),
        "still_for_the_last_seconds": round(facts.still_at_end_s, 1),
        "brightness": round(facts.brightness, 2),
        "cameras": [camera.title for camera in facts.cameras],
        "black_cameras": [camera.title for camera in facts.cameras if camera.black],
    }
