"""How far effects of one kind lie apart: standard deviations of priors, estimated by empirical Bayes."""

SPREAD_FLOOR = 0.03
PRECISE = 1e-14
MAX_STEPS = 100


def next_spread(*, gamma: float, squares: float, rate: float = 1.0, floor: float = SPREAD_FLOOR) -> float:
    """The next standard deviation s of m effects: the positive root of rate s³ + gamma s² - squares = 0.

    gamma = m - tr(V) / s², the number of effects that the data determine, at the present s; V their covariance.
    squares: their sum of squares. MacKay's update, with an exponential prior of that rate on s, which pulls towards
    effects being alike: Simpson et al. 2017, Statist. Sci. 32:1. At least the floor.
    """
    gamma = max(gamma, 0.0)
    s: float = (squares / rate) ** (1 / 3)
    # Newton's method from above the root, where the cubic is convex and rises: each step ends above the root.
    for _ in range(MAX_STEPS):
        if s <= floor:
            return floor
        step = (rate * s**3 + gamma * s**2 - squares) / (3 * rate * s**2 + 2 * gamma * s)
        s -= step
        if step <= PRECISE * s:
            break
    return max(s, floor)
