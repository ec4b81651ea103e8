"""The servers of models, read from the environment."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core import checks
from django.test import override_settings

from arena.config import env
from arena.config.env import ConfigurationError
from arena.config.model_providers import model_providers
from workers.providers.options import Options

KEY = "sk-not-to-be-seen"


def read(*names: str) -> tuple[Options, ...]:
    return model_providers("MODEL_PROVIDERS", list(names))


def test_several_servers_in_the_order_in_which_they_are_preferred(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    for name, value in {
        "MODEL_VLLM_URL": "http://127.0.0.1:8080/v1/",
        "MODEL_VLLM_MODEL": "a/model",
        "MODEL_VLLM_VISION": "yes",
        "MODEL_HOSTED_URL": "https://models.example/v1",
        "MODEL_HOSTED_KEY_FILE": str(tmp_path / "key"),
        "MODEL_HOSTED_PRICE_IN": "0.25",
        "MODEL_HOSTED_PRICE_OUT": "2",
        "MODEL_HOSTED_TIMEOUT": "240",
    }.items():
        monkeypatch.setenv(name, value)
    vllm, hosted = read("VLLM", "hosted")
    assert vllm == Options("vllm", url="http://127.0.0.1:8080/v1", model="a/model", vision=True)
    assert (hosted.key, hosted.timeout_s, hosted.vision) == (KEY, 240, False)
    assert hosted.cost(1_000_000, 500_000) == pytest.approx(1.25)
    assert vllm.cost(1, 1) is None
    assert KEY not in repr(hosted)


@pytest.mark.parametrize(
    ("names", "variables", "sentence"),
    [
        (["a-b"], {}, "a name is letters"),
        (["builtin"], {}, "builtin and roboarena are taken"),
        (["roboarena"], {}, "builtin and roboarena are taken"),
        (["one", "ONE"], {}, "one twice"),
        (["one"], {"MODEL_ONE_TIMEOUT": "241"}, "MODEL_ONE_TIMEOUT=241 is not between 1 and 240"),
        (["one"], {"MODEL_ONE_PRICE_IN": "-1"}, "MODEL_ONE_PRICE_IN=-1 is not between 0"),
        (["one"], {"MODEL_ONE_PRICE_IN": "nan"}, "MODEL_ONE_PRICE_IN=nan is not between 0"),
        (["one"], {"MODEL_ONE_BUDGET_PER_DAY": "much"}, "MODEL_ONE_BUDGET_PER_DAY=much is not a number"),
        (["one"], {"MODEL_ONE_URL": "models.example"}, "is not an address"),
        (["one"], {"MODEL_ONE_URL": "https://models.example/v1?key=k"}, "more than the path"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, names: list[str], variables: dict[str, str], sentence: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=sentence):
        read(*names)


def test_a_password_in_an_address_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ONE_URL", f"https://user:{KEY}@models.example/v1")
    with pytest.raises(ConfigurationError, match="MODEL_ONE_KEY") as caught:
        read("one")
    assert KEY not in str(caught.value)


WHOLE = Options("one", url="https://models.example/v1", model="m", key=KEY)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (WHOLE, []),
        (Options("one", url=WHOLE.url), ["workers.E001"]),
        (Options("one", model="m"), ["workers.E001"]),
        (Options("one", url=WHOLE.url, model="m", budget_per_day=5.0), ["workers.E002"]),
        (Options("one", url=WHOLE.url, model="m", budget_per_day=5.0, price_out=1.0), []),
        (Options("one", url="http://models.example/v1", model="m", key=KEY), ["workers.W001"]),
        (Options("one", url="http://models.example/v1", model="m"), []),
        (Options("one", url="http://127.0.0.1:8080/v1", model="m", key=KEY), []),
    ],
)
def test_what_misses_or_fits_badly_is_said(options: Options, expected: list[str]) -> None:
    with override_settings(MODEL_PROVIDERS=(options,)):
        found = [one for one in checks.run_checks() if (one.id or "").startswith("workers.")]
    assert [one.id for one in found] == expected
    assert KEY not in "".join(map(str, found))


def test_each_of_its_variables_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = env.text

    def text(name: str, default: str = "") -> str:
        asked.append(name)
        return real(name, default)

    monkeypatch.setattr(env, "text", text)
    read("name")
    page = (Path(settings.BASE_DIR) / "docs" / "settings.md").read_text()
    assert set(asked) == set(re.findall(r"^\| `(MODEL_NAME_[A-Z_]+)` \|", page, re.MULTILINE))
