"""Every limit that a check compares with, beside where it comes from. Loosening one is a change to this file alone."""

from __future__ import annotations

# source ------------------------------------------------------------------------------------------------------------
MIN_SHARPNESS = 4.0
"""Variance of the Laplacian of the grey picture (8-bit) at 512 px; below it nothing but a smear is in the picture.
Own choice: a defocused phone photo has 10 to 40, a uniform wall below 2."""

# stage 1 -----------------------------------------------------------------------------------------------------------
MIN_OBJECTS = 1
"""The contract: a scene without an object has nothing to pick up."""
MIN_MASK_IOU = 0.5
"""Silhouette of the reconstructed mesh, seen by the reconstructed camera, against the object's mask: 0.5 is the usual
bar for a detection (COCO's loosest). Mean over objects."""

# scene -------------------------------------------------------------------------------------------------------------
MEDIAN_SIZE_M = (0.01, 0.6)
"""Median largest dimension of what is no furniture, after scaling, metres: outside it, the scale is wrong
for a table top. Own choice, wide on purpose."""
FURNITURE_SIZE_M = (0.25, 3.5)
"""The same for furniture: a stool's seat to a long sofa or wardrobe, with a margin. Own choice, wide on purpose."""
MAX_OVERLAP_M = 0.01
"""Objects may not start deeper than this inside one another: MolmoSpaces' penetration limit (contact.dist < -0.01 m)."""
MAX_SUPPORT_GAP_M = 0.001
"""An object's base above or below what it stands on. The layout sets it down exactly; 1 mm is the height that it counts as
contact itself."""

# simready ----------------------------------------------------------------------------------------------------------
MASS_KG = (0.001, 50.0)
"""A movable object's mass. The published pipeline's plausibility gate is 0.01 to 500 kg for anything in a house;
tightened to what one arm meets on a table."""
FRICTION = (0.05, 2.0)
"""Static and dynamic friction coefficients: the published gate's 0 to 2, without the frictionless end."""
HULL_VOLUME_RATIO = (0.7, 2.5)
"""Sum of the collision hulls' volumes over the mesh's. V-HACD with 16 hulls measured 1.16 to 1.41 on a mug and a blob
and 2.30 on a thin-walled bowl, whose cavity its hulls still keep open; one hull around a mug would be 3.87."""
MAX_MOVED_M = 0.05
"""An object of the scene this far from where the layout put it has fallen: MolmoSpaces' drift limit again."""
SETTLE_SECONDS = 2.0
"""Own choice: twenty times what a free fall through the drift limit takes."""
MAX_DRIFT_M = 0.05
"""MolmoSpaces' stability test: a body that moves 5 cm after the start is not stable."""
MAX_SINK_M = 0.01
"""MolmoSpaces' penetration limit, used for sinking into the support."""

# geniesim ----------------------------------------------------------------------------------------------------------
MIN_TASKS = 1
MIN_EPISODES = 1
"""One of each: without it there is nothing to simulate, or nothing to put into a dataset."""
MIN_TASK_SUCCESS_RATE = 0.5
"""Successes over attempts, a warning only: a hard scene is not a wrong one. The published figures of peers are
0.26 (MimicGen) to 0.8; tests/benchmarks/episode_success.py asks 0.8 of the demo scene."""

# episodes ----------------------------------------------------------------------------------------------------------
MAX_PENETRATION_M = 0.01
"""Deepest overlap of any two things at any time of an episode: MolmoSpaces' penetration limit (contact.dist < -0.01 m). The
grip of the embedded simulator's soft contacts was measured at 0.4 to 1.4 mm."""
MAX_SUCCESS_MISMATCHES = 0
MAX_REPLAY_DIFFERENCES = 0
"""None of each: a judgement of recorded numbers, and a simulation of recorded commands, give the same when made again."""
REPLAYED_EPISODES = 2
"""So many accepted episodes of a job are simulated again. Own choice: two take 2 to 5 s, and what breaks determinism (another
library, a changed scene, an order of threads) breaks it in every episode."""
