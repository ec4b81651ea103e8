"""What programs say at the owner's desk. What it may be is said by the domain."""

from arena.api.fields import Flag, Input, Text

_ADDRESS = "Such as ws://policy.example.org:8000. Only the relay learns it."


class VersionInput(Input):
    version = Text(max_length=40)
    embodiment = Text(max_length=60, default="DROID")
    endpoint_url = Text(max_length=300, help_text=_ADDRESS)
    unlisted = Flag(default=False, help_text="Others read a pseudonym until it is listed. It cannot be chosen later.")


class PolicyInput(VersionInput):
    lab = Text(max_length=80, help_text="The slug of a lab in which you own policies.")
    name = Text(max_length=60, help_text="As it will stand on public pages.")
    open_source = Flag(default=False, help_text="Its weights and code are open.")


class AddressInput(Input):
    endpoint_url = Text(max_length=300, help_text=_ADDRESS)


class StakeInput(Input):
    lab = Text(max_length=80, help_text="Its slug.")
    comment = Text(max_length=200, allow_blank=True, default="", help_text="What the stake is.")
