"""The tags of a session as its page shows them: what stands, who says it, who said otherwise, and what may be said."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluations.models import Label, ProposedProgress, Session, Side, Tag, Tagging
from evaluations.tags import selectors
from evaluations.tags.questions import CATEGORY, YES
from evaluations.tags.selectors import SideTags, Standing


@dataclass(frozen=True)
class Attempt:
    """What somebody just tried to say: `error` tells why it was not kept."""

    question: str
    label: str | None
    answer: str = ""
    why: str = ""
    moment: str = ""
    error: str = ""


@dataclass(frozen=True)
class Voice:
    tag: Tag
    words: str

    @property
    def who(self) -> str:
        return self.tag.person.pseudonym if self.tag.person else self.tag.tagging.in_words  # type: ignore[union-attr]


@dataclass(frozen=True)
class Row:
    """One question with what is held of it. `film` is a video of its side, where it has one that plays."""

    standing: Standing
    label: str | None
    film: str | None = None
    attempt: Attempt | None = None

    @property
    def key(self) -> str:
        return f"tag-{self.label or 'session'}-{self.standing.question.key}".replace(".", "-")

    @property
    def voice(self) -> Voice | None:
        tag = self.standing.tag
        return self._voice(tag) if tag else None

    @property
    def earlier(self) -> list[Voice]:
        """The other answers, the latest first."""
        return [self._voice(tag) for tag in reversed(self.standing.earlier)]

    @property
    def may_be_confirmed(self) -> bool:
        return self.standing.tag is not None and not self.standing.by_person

    @property
    def is_category(self) -> bool:
        return self.standing.question.key == CATEGORY

    def _voice(self, tag: Tag) -> Voice:
        return Voice(tag, self.standing.words_of(tag))


@dataclass(frozen=True)
class SideRows:
    """`seen` happened, `unseen` did not, of `unsaid` nobody said anything."""

    side: Side
    seen: Sequence[Row]
    unseen: Sequence[Row]
    unsaid: Sequence[Row]
    proposed: ProposedProgress | None

    @property
    def rows(self) -> list[Row]:
        return [*self.seen, *self.unseen, *self.unsaid]

    @property
    def others_tried(self) -> bool:
        """Whether what was tried is among what is folded away."""
        return any(row.attempt for row in (*self.unseen, *self.unsaid))


@dataclass(frozen=True)
class TagsPage:
    session: Session
    said: Sequence[Row]
    unsaid: Sequence[Row]
    sides: Sequence[SideRows]
    taggings: Sequence[Tagging]
    may_correct: bool

    @property
    def told(self) -> bool:
        return bool(self.taggings or self.said or any(side.seen or side.unseen for side in self.sides))

    def row(self, *, question: str, label: str | None) -> Row | None:
        of_sides = [row for side in self.sides for row in side.rows]
        rows = (*self.said, *self.unsaid, *of_sides)
        return next((row for row in rows if (row.standing.question.key, row.label) == (question, label)), None)


def tags_page(
    session: Session, sides: Sequence[Side], *, may_correct: bool, attempt: Attempt | None = None
) -> TagsPage:
    """In three queries. Expects sides with their media."""
    tags = selectors.tags_of(session, sides)
    rows = _rows(tags.session, None, None, attempt)
    return TagsPage(
        session=session,
        said=[row for row in rows if row.voice],
        unsaid=[row for row in rows if not row.voice],
        sides=[_side(one, attempt) for one in tags.sides],
        taggings=tags.taggings,
        may_correct=may_correct,
    )


def _side(tags: SideTags, attempt: Attempt | None) -> SideRows:
    film = next((media.kind for media in tags.side.videos if media.check_state != media.Check.FAILED), None)
    rows = _rows(tags.standing, Label(tags.side.label), film, attempt)
    return SideRows(
        side=tags.side,
        seen=[row for row in rows if row.voice and row.voice.tag.answer == YES],
        unseen=[row for row in rows if row.voice and row.voice.tag.answer != YES],
        unsaid=[row for row in rows if not row.voice],
        proposed=tags.proposed,
    )


def _rows(standing: Sequence[Standing], label: str | None, film: str | None, attempt: Attempt | None) -> list[Row]:
    tried = (attempt.question, attempt.label) if attempt else None
    return [Row(one, label, film, attempt if (one.question.key, label) == tried else None) for one in standing]
