"""Which methods are not beaten at their price."""

from typing import Any

from snnlab.exceptions import OptionError


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
    columns = list(getattr(table, "columns", ()))
    missing = [column for column in ("additions", metric) if column not in columns]
    if missing or not len(table):
        found = f"columns {columns}" if missing else "no rows"
        raise OptionError(
            f"table: found {found}, expected rows with {missing or ['additions', metric]}. Pass "
            f"what snnlab.compare returned."
        )
    # From cheap to dear, and of equal prices the best first: the front rises at each of its rows.
    ordered = table.sort_values(["additions", metric], ascending=[True, False], kind="stable")
    reached = ordered[metric].astype(float)
    before = reached.cummax().shift(fill_value=float("-inf"))
    return (reached > before).reindex(table.index)
