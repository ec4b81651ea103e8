"""A piece of work on the ledger that can be begun again at any time, and a process that does it until it is killed."""

import sys
from collections.abc import Callable

import django
from django.conf import settings

ROUNDS = 30


def work(*, lab_id: int, name: str, say: Callable[[str], object] = str) -> None:
    """Each round makes a debt, pays it bit by bit, is forgiven, and sets aside what is left. `say` hears of each step.

    Every step is one transaction.
    """
    for number in range(ROUNDS):
        _round(lab_id, f"{name}:{number}", say)


def _round(lab_id: int, name: str, say: Callable[[str], object]) -> None:
    from django.db import transaction

    from arena.models import Lab
    from credits import ledger

    lab = Lab.objects.get(pk=lab_id)
    reward, request, spent = f"{name}:reward", f"{name}:request", f"{name}:spent"
    say(ledger.earn(lab=lab, amount=3, key=reward).key)
    ledger.hold(lab=lab, amount=3, purpose=request)
    say(f"{request}:held")
    with transaction.atomic():
        ledger.take_back(earned=reward, comment="all of it is held")
        ledger.spend(purpose=request, key=spent)
    say(spent)
    ledger.release(purpose=request, key=f"{request}:returned", keep=1)
    say(f"{reward}:taken-back:1")
    say(ledger.spend(purpose=request, key=f"{spent}:2").key)
    ledger.refund(lab=lab, spent=spent, comment="pays some of the debt")
    say(f"{reward}:taken-back:2")
    say(ledger.earn(lab=lab, amount=2, key=f"{reward}:2").key)
    ledger.restore(earned=reward, comment="no debt after all")
    say(f"{reward}:restored")
    ledger.hold(lab=lab, amount=4, purpose=f"{name}:saved")
    say(f"{name}:saved:held")


if __name__ == "__main__":
    database, lab_id, name = sys.argv[1:]
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    work(lab_id=int(lab_id), name=name, say=lambda key: print(key, flush=True))  # noqa: T201 a parent reads it
