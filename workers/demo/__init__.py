"""The demo installation: simulated labs with members, stations and policies, made once and kept.

The simulated labs themselves are outsiders (`python -m simlab`). They are told what any lab would be told: an address,
and an API key, or a lab's name, an e-mail address and an access code.
"""
