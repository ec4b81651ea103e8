"""What is told of sessions and rollouts without a model: rules over the instruction and over what was measured."""
