"""Accounts: signing up and in, e-mail, password, second factor, Google and GitHub. Built on django-allauth."""
