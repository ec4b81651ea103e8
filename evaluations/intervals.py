"""Wilson's interval of a share, for whoever tells one. Pure."""

import math

Z_95 = 1.959963984540054


def wilson_interval(hits: float, named: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's score method, E. B. Wilson, JASA 22 (1927), 209-212."""
    share, weight = hits / named, Z_95**2 / named
    middle = (share + weight / 2) / (1 + weight)
    half = Z_95 * math.sqrt(share * (1 - share) / named + weight / (4 * named)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
