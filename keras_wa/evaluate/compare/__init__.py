"""Several systems on one split: trained, evaluated and told apart with intervals."""
