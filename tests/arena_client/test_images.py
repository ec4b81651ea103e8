from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from arena_client.images import fit


@pytest.mark.parametrize("size", [(180, 320), (720, 1280), (50, 90), (320, 180), (224, 224), (1, 7)])
def test_pictures_are_scaled_as_pillow_would(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(7).integers(0, 256, (*size, 3), dtype=np.uint8)
    fitted = fit(picture, 224, 224)
    scale = min(224 / size[0], 224 / size[1])
    rows, columns = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    expected = np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BILINEAR))
    top, left = (224 - rows) // 2, (224 - columns) // 2
    assert fitted.shape == (224, 224, 3)
    inside = fitted[top : top + rows, left : left + columns]
    assert np.abs(inside.astype(int) - expected).max() <= 1
    assert fitted.sum() == inside.sum(dtype=np.int64)


def test_a_picture_that_fits_is_not_touched() -> None:
    picture = np.zeros((224, 224, 3), np.uint8)
    assert fit(picture, 224, 224) is picture
