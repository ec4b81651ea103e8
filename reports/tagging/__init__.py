"""A published session is looked at by a tagger: a model that sees its videos, or the built-in rules."""
