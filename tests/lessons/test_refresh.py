"""Refreshing a lesson's outputs: only the blocks change, and they change to what is printed."""

import pytest

from riffedu.lessons import refresh

SOURCE = """# 98 · Toy

```python
print(1 + 1)
```

```output
3
```

Text.

```python
x = 5
print("x", x)
print("done")
```

```output
x 5
done
```

```python
# solution
answer = 7
# end
```
"""


def test_outputs_become_what_the_cells_print(tmp_path):
    outputs = refresh.run(SOURCE, tmp_path)
    assert outputs == ["2\n", "x 5\ndone\n"]
    new = refresh.with_outputs(SOURCE, outputs)
    assert new == SOURCE.replace("```output\n3\n", "```output\n2\n")
    assert refresh.with_outputs(new, outputs) == new


def test_a_lesson_on_disk(tmp_path, monkeypatch):
    source = tmp_path / "lesson.md"
    source.write_text(SOURCE)
    monkeypatch.setattr(refresh, "run", lambda text: ["2\n", "x 5\ndone\n"])
    assert refresh.refresh(source) and not refresh.refresh(source)
    assert "```output\n2\n```" in source.read_text()


def test_a_backslash_in_an_output_is_kept():
    assert r"\d\1" in refresh.with_outputs("```output\na\n```\n", ["\\d\\1\n"])


def test_another_number_of_blocks_is_refused():
    with pytest.raises(ValueError, match="2 output blocks, but 1"):
        refresh.with_outputs(SOURCE, ["2\n"])
