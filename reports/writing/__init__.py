"""Words on evidence: claims by a language model or from templates, each checked against the records it cites."""
