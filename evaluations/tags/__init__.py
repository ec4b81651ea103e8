"""What models and people say of a session beside its result: kind of task, scene, what went wrong in each rollout."""
