"""Lesson 01b's panel in a real page: pictures follow a dragged slider, the sound its release."""

CELL = """
from riffedu.lessons.l01b_fourier import fourier_panel
panel = fourier_panel()
panel
"""


def test_pictures_follow_the_drag_and_the_sound_follows_the_release(open_notebook):
    notebook = open_notebook(CELL)
    notebook.run()
    assert notebook.errors() == [] and notebook.blank_widgets() == []
    page, cell = notebook.page, notebook.show(0)
    handle = cell.locator(".noUi-handle")
    handle.wait_for(timeout=20_000)
    picture = cell.locator("img").first
    before = picture.get_attribute("src")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(x + 7 * step, y)
        page.wait_for_timeout(30)
    page.wait_for_function(
        "([image, src]) => image.src !== src",
        arg=[picture.element_handle(), before],
        timeout=10_000,
    )
    page.mouse.up()
    hertz = int(cell.locator(".widget-readout").first.inner_text())  # Python may not have it yet
    assert hertz > 150
    cell.get_by_text(f"A sine of {hertz} Hz").first.wait_for(timeout=10_000)
    visited = int(notebook.execute("print(panel.visited.sum())"))
    assert visited == hertz - 99, "the curve is drawn all the way from 100 Hz"
