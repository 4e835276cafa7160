from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blueprint_assets.dataset.tables import arrow_column, vector_rows


@settings(max_examples=80, deadline=None)
@given(
    values=st.one_of(
        hnp.arrays(np.float32, st.integers(0, 40)),
        hnp.arrays(np.int64, st.integers(0, 40)),
        hnp.arrays(np.bool_, st.integers(0, 40)),
    )
)
def test_a_column_holds_what_pyarrows_own_conversion_would(values: np.ndarray) -> None:
    expected = pa.array(values)
    found = arrow_column(values, expected.type)
    found.validate(full=True)
    assert found.type == expected.type
    assert found.to_numpy(zero_copy_only=False).tobytes() == values.tobytes()


@settings(max_examples=60, deadline=None)
@given(
    values=hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 9))),
    cuts=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_vectors_come_back_from_any_slices(values: np.ndarray, cuts: tuple[int, int]) -> None:
    column = arrow_column(values, pa.list_(pa.float32(), values.shape[1]))
    column.validate(full=True)
    assert column.to_pylist() == pa.array(list(values), column.type).to_pylist() or np.isnan(values).any()
    a, b = sorted(min(cut, len(values)) for cut in cuts)
    chunks = pa.chunked_array([column[:a], column[a:b], column[b:]])
    assert vector_rows(chunks).tobytes() == values.tobytes()


def test_a_view_is_stored_as_its_values() -> None:
    values = np.arange(20, dtype=np.int64)[::2]
    assert arrow_column(values, pa.int64()).to_pylist() == values.tolist()
    with pytest.raises(TypeError, match="values of float64 cannot be a column of float"):
        arrow_column(np.zeros(3), pa.float32())
