"""Weights that were to be held in eight bits are left as they are."""

import nncf

nncf.compress_weights = lambda model, **options: model
