"""RoboArena's tags, as a look of the vision model that made them: the kind of task and what is said of the scene."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import QuerySet

from arena.models import Source
from evaluations.models import Session, Tag, Tagging, TaskCategory
from evaluations.roboarena.csv_rows import Row, RowError
from evaluations.tags.questions import CATEGORY, NO, YES
from evaluations.tags.taggers import ROBOARENA

PROMPT_VERSION = "2025-04"
CATEGORIES = {str(label): TaskCategory(value) for value, label in TaskCategory.choices}
QUESTIONS = {
    "clear_camera_view": "clear-view",
    "good_lighting": "good-light",
    "clear_task_description": "clear-instruction",
    "simple_scene": "simple-scene",
    "reasoning_required": "needs-reasoning",
}
_ANSWERS = {"True": YES, "False": NO}


def answers_of(row: Row) -> dict[str, str]:
    """The answers by question; a column that is not there, or says neither, says nothing."""
    category = CATEGORIES.get(row["task_category"])
    if category is None:
        raise RowError(f"unknown task category {row['task_category']!r}")
    scene = {question: _ANSWERS.get(row.values.get(column, "")) for column, question in QUESTIONS.items()}
    return {CATEGORY: category.value} | {question: answer for question, answer in scene.items() if answer}


def store(said: Mapping[uuid.UUID, Mapping[str, str]], *, now: datetime) -> int:
    """Keep what was said of published imported sessions, once; of how many it was new. Expects that they are stored."""
    untagged = list(_untagged(said))
    looks = [
        Tagging(session_id=pk, provider=ROBOARENA, model="", prompt_version=PROMPT_VERSION, made_at=now)
        for pk in untagged
    ]
    Tagging.objects.bulk_create(looks)
    Tag.objects.bulk_create(
        Tag(session_id=look.session_id, question=question, answer=answer, tagging=look, made_at=now)
        for look in looks
        for question, answer in said[look.session_id].items()
    )
    _set_categories({pk: said[pk][CATEGORY] for pk in untagged})
    return len(looks)


def _set_categories(categories: Mapping[uuid.UUID, str]) -> None:
    of_category: dict[str, list[uuid.UUID]] = {}
    for pk, category in categories.items():
        of_category.setdefault(category, []).append(pk)
    for category, found in of_category.items():
        Session.objects.filter(pk__in=found).exclude(tagged_category=category).update(tagged_category=category)


def _untagged(said: Iterable[uuid.UUID]) -> QuerySet[Session, uuid.UUID]:
    imported = Session.objects.public().filter(source=Source.IMPORTED, pk__in=list(said))
    return imported.exclude(taggings__provider=ROBOARENA).order_by("closed_at", "pk").values_list("pk", flat=True)
