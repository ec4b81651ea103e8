"""Taggers, evidence, policy reports and exports."""
