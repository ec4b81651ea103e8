"""The relay between an evaluator's client and a policy server: neither learns who the other is.

It knows no Django. What it asks of the platform is the `Directory` of routes.py; `python manage.py relay` hands it one.
"""
