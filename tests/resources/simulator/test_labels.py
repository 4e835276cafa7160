from __future__ import annotations

from types import SimpleNamespace

import mujoco
import numpy as np
import pytest

from resources.simulator.labels import LabelError, Labels


def test_the_robot_is_one_thing_and_every_object_has_its_name(world) -> None:
    labels = Labels.of(world)
    assert labels.names[:2] == ("nothing", "robot")
    assert labels.names[2 : 2 + len(world.object_ids)] == world.object_ids
    assert len(set(labels.names)) == len(labels.names)
    for geom in range(world.model.ngeom):
        body = int(world.model.geom_bodyid[geom])
        name = labels.names[labels.of_geom[geom]]
        assert (name == "robot") == (body in world.robot_bodies)
        for object_id, object_body in world.object_bodies.items():
            assert (name == object_id) == (body == object_body)
    assert labels.of_geom[-1] == 0


def test_a_door_is_a_part_of_its_cabinet() -> None:
    model = mujoco.MjModel.from_xml_string("""
        <mujoco><worldbody><geom name="floor" size="1 1 .1" type="plane"/>
          <body name="cabinet"><geom size=".1"/><body name="door"><joint/><geom size=".1"/></body></body>
        </worldbody></mujoco>""")
    labels = Labels.of(SimpleNamespace(model=model, robot_bodies=frozenset(), object_ids=()))
    assert labels.names == ("nothing", "robot", "floor", "cabinet")
    np.testing.assert_array_equal(labels.of_geom, [2, 3, 3, 0])


def test_more_things_than_a_byte_can_name_are_refused() -> None:
    geoms = "".join(f'<geom name="g{i}" size=".1"/>' for i in range(255))
    model = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{geoms}</worldbody></mujoco>")
    with pytest.raises(LabelError, match="256 things; a segmentation picture tells 255 apart"):
        Labels.of(SimpleNamespace(model=model, robot_bodies=frozenset(), object_ids=()))
