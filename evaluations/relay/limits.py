"""How long the relay waits, and how much it takes."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds end in `_s`, bytes in `_bytes`; the rest are counts."""

    open_s: float = 10
    """From the look-up of the policy server's name to the end of its handshake."""
    metadata_s: float = 10
    infer_s: float = 120
    """A first inference compiles, which takes up to a minute; a hung policy must not hold the evaluator for ever."""
    idle_s: float = 45 * 60
    """Side A stays connected while the evaluator runs and judges side B."""
    close_s: float = 1
    stop_s: float = 3
    ping_every_s: float = 20
    ping_answer_s: float = 60
    directory_s: float = 10
    flush_every_s: float = 2

    message_bytes: int = 16 * MIB

    connections: int = 500
    connections_per_side: int = 4
    """Clients reconnect without closing; beyond this the oldest connection of the side is closed."""
    latencies_per_connection: int = 20_000
    """An episode has at most some hundred inferences. Those beyond are counted but no longer timed."""
    waiting_measurements: int = 5_000
    """Closed connections that wait for a database which does not answer; beyond this the oldest are dropped."""
