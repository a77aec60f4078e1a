"""Which methods are not beaten at their price."""

from typing import Any

import numpy as np

from snnlab.exceptions import OptionError, needs


def pareto_front(table: Any, metric: str = "accuracy") -> Any:
    """Return which rows no other beats: none is as good for fewer additions, or better for as many.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns "additions", and a metric of which more is better.
    metric : str

    Returns
    -------
    pandas.Series of bool, with the index of the table

    Raises
    ------
    OptionError
        If the table has no such columns, or no rows.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"additions": [1, 2, 3, 3], "accuracy": [0.5, 0.5, 0.9, 0.8]})
    >>> pareto_front(table).tolist()
    [True, False, True, False]
    """
    with needs("snnlab.comparison.pareto_front", "pandas", extra="sweep"):
        import pandas as pd

    columns = list(getattr(table, "columns", ()))
    missing = [column for column in ("additions", metric) if column not in columns]
    if missing or not len(table):
        found = f"columns {columns}" if missing else "no rows"
        raise OptionError(
            f"table: found {found}, expected rows with {missing or ['additions', metric]}. Pass "
            f"what snnlab.compare returned."
        )
    # From cheap to dear, and of equal prices the best first: the front rises at each of its rows.
    price, reached = (np.asarray(table[c], np.float64) for c in ("additions", metric))
    order = np.lexsort((-reached, price))
    best_before = np.maximum.accumulate([-np.inf, *reached[order][:-1]])
    front = np.empty(len(table), bool)
    front[order] = reached[order] > best_before
    return pd.Series(front, index=table.index)
