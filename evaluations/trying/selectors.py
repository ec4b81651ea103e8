"""What is shown of trials: to owners how their own version did, once a session has ended; to hosts what waits."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet

from arena.models import Lab, Person, PolicyVersion, Station
from evaluations import trials
from evaluations.models import MediaFile, Result, Session, Side, State, Trial


@dataclass(frozen=True)
class Outcome:
    """A session of a trial that has ended, as far as the owners of the version may know it."""

    session: Session
    sides: list[Side]
    """Those with the version under trial."""
    notes: str

    @property
    def is_on_both_sides(self) -> bool:
        return len(self.sides) > 1


@dataclass(frozen=True)
class TrialShown:
    trial: Trial
    outcomes: list[Outcome]
    needed: int

    @property
    def done(self) -> int:
        """How many of its sessions a go can rest on."""
        return sum(one.session.state == State.SUBMITTED and bool(one.session.valid) for one in self.outcomes)

    @property
    def missing(self) -> int:
        return max(self.needed - self.done, 0)


@dataclass(frozen=True)
class Waiting:
    """A trial that waits for a lab of one's own, with what a policy must respect there."""

    trial: Trial
    stations: list[Station]


def shown_of(versions: Collection[PolicyVersion]) -> Mapping[int, list[TrialShown]]:
    """For each of these versions its trials, the latest first. A fixed number of queries."""
    found: dict[int, list[TrialShown]] = defaultdict(list)
    for trial in with_outcomes(Trial.objects.filter(version__in=versions)):
        found[trial.version_id].append(as_shown(trial))
    return found


def shown(trial: Trial) -> TrialShown:
    return as_shown(with_outcomes(Trial.objects.filter(pk=trial.pk)).get())


def trials_of(labs: QuerySet[Lab]) -> QuerySet[Trial]:
    """Those that these labs host, and those of their own versions."""
    return Trial.objects.filter(Q(host__in=labs) | Q(version__policy__lab__in=labs))


def with_outcomes(found: QuerySet[Trial]) -> QuerySet[Trial]:
    """What `as_shown` expects, the latest first."""
    ended = Prefetch("sessions", queryset=_ended(), to_attr="ended_sessions")
    return found.select_related("host", "version__policy").prefetch_related(ended).order_by("-asked_at")


def as_shown(trial: Trial) -> TrialShown:
    ended: list[Session] = trial.ended_sessions  # type: ignore[attr-defined]
    return TrialShown(trial, [_outcome(session, trial) for session in ended], settings.TRIAL_SESSIONS)


def earlier_of(trial: Trial) -> list[Trial]:
    """What labs decided of the version before: whoever stands at the robot should know."""
    decided = Trial.objects.filter(version=trial.version_id, state__in=[Trial.State.GO, Trial.State.NO_GO])
    return list(decided.exclude(pk=trial.pk).select_related("host").order_by("-decided_at"))


def sessions_at(trial: Trial) -> QuerySet[Session]:
    """For the host's members: what was begun and how it ended. How it went is their evaluator's and the owners'."""
    return trial.sessions.select_related("evaluator", "station").order_by("-opened_at")


def waiting_for(person: Person) -> list[Waiting]:
    return [Waiting(trial, list(trials.stations_for(trial))) for trial in trials.waiting_for(person)]


def before_trial() -> list[PolicyVersion]:
    """For stewards: every version that waits, the oldest first."""
    waiting = PolicyVersion.objects.filter(pool=PolicyVersion.Pool.TRIAL)
    rows = waiting.select_related("policy__lab", "embodiment").prefetch_related(
        Prefetch("trials", queryset=Trial.objects.select_related("host").order_by("-asked_at"))
    )
    return list(rows.order_by("created_at"))


def hosts_by_version(versions: Collection[PolicyVersion]) -> Mapping[int, Sequence[Lab]]:
    """Whom the owners of these versions may ask."""
    return {version.pk: list(trials.hosts_for(version)) for version in versions}


def _ended() -> QuerySet[Session]:
    sides = Side.objects.select_related("episode").prefetch_related(
        Prefetch("media", queryset=MediaFile.objects.order_by("kind"))
    )
    return (
        Session.objects.filter(revealed_at__isnull=False)
        .select_related("station")
        .prefetch_related(
            Prefetch("sides", queryset=sides.order_by("label"), to_attr="ordered_sides"),
            Prefetch("results", queryset=Result.objects.latest_first(), to_attr="latest_results"),
        )
        .order_by("closed_at")
    )


def _outcome(session: Session, trial: Trial) -> Outcome:
    sides: list[Side] = session.ordered_sides  # type: ignore[attr-defined]
    results: list[Result] = session.latest_results  # type: ignore[attr-defined]
    mine = [side for side in sides if side.version_id == trial.version_id]
    return Outcome(session, mine, notes=results[0].notes if results else "")
