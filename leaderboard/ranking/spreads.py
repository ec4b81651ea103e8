"""How far effects of one kind lie apart: standard deviations of priors, estimated by empirical Bayes."""

from scipy import optimize

SPREAD_FLOOR = 0.03


def next_spread(*, gamma: float, squares: float, rate: float = 1.0, floor: float = SPREAD_FLOOR) -> float:
    """The next standard deviation s of m effects: the positive root of rate s³ + gamma s² - squares = 0.

    gamma = m - tr(V) / s², the number of effects that the data determine, at the present s; V their covariance.
    squares: their sum of squares. MacKay's update, with an exponential prior of that rate on s, which pulls towards
    effects being alike: Simpson et al. 2017, Statist. Sci. 32:1. At least the floor.
    """
    highest = (squares / rate) ** (1 / 3)
    if highest <= floor:
        return floor
    root = optimize.brentq(lambda s: rate * s**3 + max(gamma, 0.0) * s**2 - squares, 0.0, highest)
    return max(float(root), floor)
