"""What the graph's steps work with: stores, simulators, reconstruction and generation backends, planners, networks."""

import blueprint_assets  # noqa: F401  (its settings of the process, before numpy loads)
