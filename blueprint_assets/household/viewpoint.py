"""Where people hold a camera: how high it usually is above what it looks at."""

from __future__ import annotations

from .category import Stands

CAMERA_HEIGHT: dict[Stands, tuple[float, float]] = {"top": (0.55, 0.33), "floor": (1.45, 0.2)}
"""Metres above the table top or the floor, and the standard deviation of the logarithm. Eyes are 1.15 to 1.23 m above the floor
sitting and 1.51 to 1.63 m standing (DIN 33402-2, median women and men), a table top is at 0.74 m (EN 527); so 0.41 to 0.49 m and
0.77 to 0.89 m above it, a camera held a hand lower than the eyes at about 0.40 and 0.75 m. Were each as usual, their geometric
mean would be 0.55 m and the deviation 0.31, and a tenth for how differently people hold it.
A room is photographed at the eye height of somebody who stands or sits upright."""
