"""Who tags beside people, and what a reader is told of them. A model is named with the prompt that it was given."""

BUILTIN = "builtin"
ROBOARENA = "roboarena"


def in_words(*, provider: str, model: str, prompt_version: str) -> str:
    if provider == BUILTIN:
        return f"rules, no model ({prompt_version})"
    if provider == ROBOARENA:
        return f"RoboArena’s vision model, which its data does not name ({prompt_version})"
    return f"{model or 'a model'} by {provider}, prompt {prompt_version}"
