"""From a run to its evaluation: the numbers, the predictions, and the page on them."""
