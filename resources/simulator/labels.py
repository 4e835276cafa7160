"""Which number stands for which thing in a segmentation picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .world import World

NOTHING, ROBOT = "nothing", "robot"
"""The names of number 0, where no thing is, and of number 1, the arm with its hand."""


class LabelError(ValueError):
    """A scene has more things than a picture of bytes can tell apart."""


@dataclass(frozen=True)
class Labels:
    """`names`: name of each number, so `names[2]` is what 2 stands for: 0 is nothing, 1 the robot, then the objects that
    can move, in the scene's order, then what stands fast (the scene's other bodies, the robot's mount).

    `of_geom`: (ngeom + 1,) the number of each geom of the model; its last entry, index -1, is nothing's.
    """

    names: tuple[str, ...]
    of_geom: NDArray[np.uint8]

    @classmethod
    def of(cls, world: World) -> Labels:
        """The labels of a world: the same numbers for all its cameras and states.

        Raises:
            LabelError: more than 255 things.
        """
        model = world.model
        names = [NOTHING, ROBOT, *world.object_ids]
        of_geom = np.zeros(model.ngeom + 1, dtype=np.intp)
        for geom in range(model.ngeom):
            # What is jointed to a body is a part of it; what hangs on the world itself goes by its own name.
            root = int(model.body_rootid[model.geom_bodyid[geom]])
            if root in world.robot_bodies:
                name = ROBOT
            elif root:
                name = model.body(root).name or f"body_{root}"
            else:
                name = model.geom(geom).name or f"geom_{geom}"
            if name not in names:
                names.append(name)
            of_geom[geom] = names.index(name)
        if len(names) > 256:
            raise LabelError(f"the scene has {len(names) - 1} things; a segmentation picture tells 255 apart")
        return cls(tuple(names), of_geom.astype(np.uint8))
