"""The support plane's surroundings: what lies between two parts of it is on it, what is beside or above it may be a wall."""

from __future__ import annotations

import numpy as np

from resources.reconstruction.embedded.surface import flanked


def test_a_shadow_on_the_table_is_flanked_by_it_and_a_wall_behind_is_not() -> None:
    table = np.zeros((200, 300), bool)
    table[80:] = True
    shadow, wall = np.zeros_like(table), ~table
    shadow[120:150, 60:220] = True
    table &= ~shadow
    between = flanked(table)
    assert between[shadow].all()
    assert not between[wall].any()


def test_a_joint_as_thin_as_a_line_flanks_nothing() -> None:
    table = np.zeros((200, 300), bool)
    table[100:102] = table[:, 40:42] = table[:, 250:252] = True
    assert not flanked(table).any()
