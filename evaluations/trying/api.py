"""Trials for programs: owners ask and withdraw, members of the lab that tries run and decide."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena import labs
from arena.api.fields import Flag, Input, NothingInput, Text, Whole
from arena.api.pagination import PageQuery, page_of
from arena.api.permissions import OWN, RUN, Access, Open, labs_of, person
from arena.api.stations import LARGEST_ID
from arena.api.views import ApiView, answer, read
from arena.errors import ArenaError, NotFound
from arena.models import Lab, Scope
from evaluations import assignments, trials
from evaluations.api import sessions as api_sessions
from evaluations.api.outputs import SessionOutput
from evaluations.assignments import INSTRUCTION_MAX_LENGTH
from evaluations.desk.access import lab_of, version_in
from evaluations.models import Trial
from evaluations.requests.access import require_owner
from evaluations.sessions import COMMENT_MAX_LENGTH
from evaluations.trying import access, outputs, selectors
from evaluations.trying.outputs import TrialDetailOutput, TrialPageOutput

READ_TRIALS: Access = (Scope.READ, Scope.OWN, Scope.EVALUATE)


class HostInput(Input):
    host = Text(max_length=80, help_text="The slug of a lab with a station in use for the version's robot.")


class DecisionInput(Input):
    go = Flag()
    comment = Text(
        max_length=COMMENT_MAX_LENGTH, allow_blank=True, default="", help_text="What you saw. A no-go must say why."
    )


class WaiverInput(Input):
    comment = Text(max_length=COMMENT_MAX_LENGTH, help_text="Why.")


class TrialSessionInput(Input):
    station = Whole(min_value=1, max_value=LARGEST_ID, help_text="One of your lab's that fit.")
    instruction = Text(max_length=INSTRUCTION_MAX_LENGTH)


class TrialQuery(PageQuery):
    state = serializers.ChoiceField(choices=Trial.State.choices, required=False)


class TrialView(ApiView):
    """A key acts in its own lab: on the side of the trial on which that lab is."""

    tag = "Trials"

    def told(self, request: Request, trial_id: uuid.UUID, *, status: int = 200) -> Response:
        own = labs_of(request)
        trial = access.trial_in(own, trial_id)
        shown, version = selectors.shown(trial), trial.version
        endpoint, owned = getattr(version, "endpoint", None), version.policy.lab in own
        facts = {
            "lab": lab_of(version.policy).slug,
            "embodiment": version.embodiment.name,
            "health": endpoint.health if endpoint else "unknown",
            "earlier": map(outputs.said_before, selectors.earlier_of(trial)),
            "outcomes": map(outputs.outcome_shown, shown.outcomes if owned else []),
        }
        facts |= outputs.trial_shown(shown, owned=owned) | _to_host(request, own, trial)
        return answer(TrialDetailOutput, facts, status=status)


class Trials(TrialView):
    access = {"GET": READ_TRIALS}
    queries = {"GET": TrialQuery}

    @extend_schema(responses=TrialPageOutput)
    def get(self, request: Request) -> Response:
        """The trials at your labs and those of your versions, the latest first."""
        own = labs_of(request)
        found, owners = selectors.with_outcomes(selectors.trials_of(own)), set(own.values_list("pk", flat=True))
        if "state" in self.query:
            found = found.filter(state=self.query["state"])
        page = page_of(
            request,
            found,
            self.query,
            lambda one: outputs.trial_shown(selectors.as_shown(one), owned=one.version.policy.lab_id in owners),
        )
        return answer(TrialPageOutput, page)


class VersionTrials(TrialView):
    access = {"POST": OWN}

    @extend_schema(request=HostInput, responses={201: TrialDetailOutput})
    def post(self, request: Request, label: str) -> Response:
        """Ask a lab to try a version that waits for its trial."""
        version = version_in(labs_of(request), label)
        require_owner(person(request), lab_of(version.policy))
        said = read(HostInput, request.data)
        host = labs.registered().filter(slug=said["host"]).first()
        if host is None:
            raise NotFound("lab_unknown", "There is no such lab.")
        trial = trials.ask(version=version, host=host, by=person(request), now=timezone.now())
        return self.told(request, trial.pk, status=201)


class TrialDetail(TrialView):
    access = {"GET": READ_TRIALS}

    @extend_schema(responses=TrialDetailOutput)
    def get(self, request: Request, trial_id: uuid.UUID) -> Response:
        """A trial. Its owner is told how it did, the lab that tries what was run."""
        return self.told(request, trial_id)


class TrialSessions(api_sessions.SessionView):
    tag = "Trials"
    access = {"POST": RUN}

    @extend_schema(request=TrialSessionInput, responses={200: SessionOutput, 201: SessionOutput})
    def post(self, request: Request, trial_id: uuid.UUID) -> Response:
        """Start a session of a trial at your lab. The same task again, before anything has run, is the same session."""
        own = labs_of(request)
        trial = access.of_host(own, access.trial_in(own, trial_id))
        said, now = read(TrialSessionInput, request.data), timezone.now()
        station = trials.stations_for(trial).filter(pk=said["station"]).first()
        if station is None:
            raise ArenaError("station_unfit", f"{trial.host} has no such station in use for this robot.")
        assignments.require_training(person=person(request), station=station)
        opened = assignments.open_session(
            person=person(request), station=station, instruction=said["instruction"], trial=trial, now=now
        )
        return api_sessions.told(request, opened.pk, status=201 if opened.opened_at == now else 200)


class TrialDecide(TrialView):
    access = {"POST": RUN}

    @extend_schema(request=DecisionInput, responses=TrialDetailOutput)
    def post(self, request: Request, trial_id: uuid.UUID) -> Response:
        """Go, which puts the version into the pool, or no-go. By a member of the lab that was asked; it stands."""
        own = labs_of(request)
        trial = access.of_host(own, access.trial_in(own, trial_id))
        said = read(DecisionInput, request.data)
        trials.decide(trial=trial, by=person(request), now=timezone.now(), **said)
        return self.told(request, trial_id)


class TrialWithdraw(TrialView):
    access = {"POST": OWN}

    @extend_schema(request=NothingInput, responses=TrialDetailOutput)
    def post(self, request: Request, trial_id: uuid.UUID) -> Response:
        """Its owner does not want it any more. A repeat changes nothing."""
        own = labs_of(request)
        trial = access.of_owner(own, access.trial_in(own, trial_id))
        require_owner(person(request), lab_of(trial.version.policy))
        read(NothingInput, request.data or {})
        trials.withdraw(trial=trial, by=person(request), now=timezone.now())
        return self.told(request, trial_id)


class VersionWaive(ApiView):
    tag = "Trials"
    access = {"POST": Open.TO_BROWSERS}

    @extend_schema(request=WaiverInput, responses={204: None})
    def post(self, request: Request, label: str) -> Response:
        """Stewards: put a version into the pool without a trial, and say why."""
        version = access.version_to_waive(person(request), label)
        said = read(WaiverInput, request.data)
        trials.waive(version=version, comment=said["comment"], by=person(request), now=timezone.now())
        return Response(status=204)


def _to_host(request: Request, own: QuerySet[Lab], trial: Trial) -> dict[str, Any]:
    """What members of the lab that tries are told beside the rest."""
    if not own.filter(pk=trial.host_id).exists():
        return {"stations": [], "may_decide": False, "sessions": []}
    return {
        "stations": [station.pk for station in trials.stations_for(trial)],
        "may_decide": trial.is_living and trials.may_decide(trial, person(request)),
        "sessions": map(outputs.run_shown, selectors.sessions_at(trial)),
    }
