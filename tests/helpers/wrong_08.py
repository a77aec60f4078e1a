"""What learners write wrong in the exercises of notebook 08, by the words they then hear."""

import math

WRONG = {
    "8.1": {
        "constant current": [lambda x, e: math.ceil(0.5 / e), lambda x, e: 1 / e / 2],
        "has to be squared": [
            lambda x, e: math.ceil((x - x**2) / e),
            lambda x, e: math.ceil((x - x**2) ** 0.5 / e),
        ],
        "white pixel": [lambda x, e: math.ceil(x / e / e), lambda x, e: x / e / e],
        "treats worst": [lambda x, e: math.ceil((0.5 / e) ** 2)],
        "upside down": [
            lambda x, e: math.ceil(e * e / x / (1 - x)),
            lambda x, e: math.ceil(e / (x - x**2) ** 0.5),
        ],
        "does not look at the pixel": [lambda x, e: math.ceil(e**-2), lambda x, e: e**-2],
        "exactly": [lambda x, e: (x - x**2) / e**2 // 1 + 1],
        "still off": [lambda x, e: (x - x**2) / e**2 // 1, lambda x, e: round((x - x**2) / e**2),
            lambda x, e: math.ceil((x - x**2) / e**2) - 1],
        "middle of a step": [lambda x, e: (x - x**2) / e**2],
    },
}  # fmt: skip
