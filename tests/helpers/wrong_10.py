"""What learners write wrong in the exercises of notebook 10, by the words they then hear."""

import numpy as np


def covered(first, last):
    """Return a fan-out that lets the kernel stand from one place to another, both included."""

    def answer(row, column, size, channels):
        allowed = range(first, last(size) + 1)
        rows, columns = (
            len([p for p in (place - 1, place, place + 1) if p in allowed])
            for place in (row, column)
        )
        return rows * columns * channels

    return answer


def inside(row, column, size):
    return 0 < row < size - 1 and 0 < column < size - 1


def places(place, size):
    return len(range(size)[max(0, place - 1) : place + 2])


WRONG = {
    "10.2": {
        "if the map went on for ever": [lambda r, c, s, k: 3**2 * k, lambda r, c, s, k: 3 * 3],
        "How many neurons stand at each": [lambda r, c, s, k: places(r, s) * places(c, s)],
        "Rows and columns are added": [lambda r, c, s, k: k * (places(r, s) + places(c, s))],
        "In a corner two sides": [
            lambda r, c, s, k: k * (9 if inside(r, c, s) else 6),
            lambda r, c, s, k: k * (9 if inside(r, c, s) else 4),
        ],
        "Which of these are missing": [
            lambda r, c, s, k: (
                k * sum(0 <= r - d < s for d in (0, 1)) * sum(0 <= c - d < s for d in (0, 1))
            ),
            lambda r, c, s, k: (
                k * sum(0 <= r - d < s for d in (-1, 1)) * sum(0 <= c - d < s for d in (-1, 1))
            ),
        ],
        "May a kernel stand behind it": [covered(0, lambda size: size)],
        "no row before number 1": [
            covered(1, lambda size: size),
            covered(1, lambda size: size - 1),
        ],
        "everyone hears everyone": [lambda r, c, s, k: k * s**2],
    },
    "10.6": {
        "Its spikes are not free": [lambda ann, spikes, n, T: ann / n / T],
        "one update for each neuron": [
            lambda ann, spikes, n, T: max(0, ann - spikes) / n,
            lambda ann, spikes, n, T: ann / n - spikes / n,
        ],
        "Is that their sum": [
            lambda ann, spikes, n, T: max(0, ann - spikes) / (n + T),
            lambda ann, spikes, n, T: (ann - spikes) / (T + n),
        ],
        "one update in each step": [
            lambda ann, spikes, n, T: max(0, ann - spikes) / T,
            lambda ann, spikes, n, T: ann / T - spikes / T,
        ],
        "price of all updates together": [
            lambda ann, spikes, n, T: ann - spikes,
            lambda ann, spikes, n, T: ann - min(ann, spikes),
        ],
        "A price below 0": [lambda ann, spikes, n, T: (ann - spikes) / n / T],
        "Who has to be": [
            lambda ann, spikes, n, T: (spikes - ann) / n / T,
            lambda ann, spikes, n, T: max(spikes - ann, 0) / n / T,
        ],
        "Both energies are added": [lambda ann, spikes, n, T: (spikes + ann) / n / T],
        "updates for a pJ": [lambda ann, spikes, n, T: n * T / (ann - spikes)],
    },
    "10.7": {
        "Half of it": [lambda claimed, mac, ac: 0.5 * claimed],
        "two prices in it": [lambda claimed, mac, ac: claimed**0.5],
        "That is the rate itself": [lambda claimed, mac, ac: (mac / (ac * claimed)) ** 0.5],
        "each connection carries one spike": [lambda claimed, mac, ac: mac / ac],
        "How do you get rid of one": [
            lambda claimed, mac, ac: claimed / (mac / ac),
            lambda claimed, mac, ac: mac / (claimed * ac),
        ],
        "as expensive as a MAC": [lambda claimed, mac, ac: np.sqrt(claimed / (mac / ac))],
        "The claim stays as it was": [lambda claimed, mac, ac: claimed],
        "would the SNN save more": [
            lambda claimed, mac, ac: (claimed * mac) ** 0.5,
            lambda claimed, mac, ac: (claimed / ac) ** 0.5,
        ],
    },
}
