"""What the people of each month will have brought by an age: a forecast, and how good it was.

`model` holds the formulas, `answering` asks the replica and tells. docs/forecast.md explains them.
"""

from segconnect.account.forecast.answering import KINDS, forecast_answer

__all__ = ["KINDS", "forecast_answer"]
