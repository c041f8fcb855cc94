"""The live instrument in a real page."""


def test_look(open_notebook, page):
    notebook = open_notebook("from riffedu.widgets import live_instrument\nband = live_instrument()\nband")
    notebook.run()
    print(notebook.errors())
    page.wait_for_selector(".riffedu-instrument")
    page.locator(".riffedu-instrument .riffedu-play").click()
    page.wait_for_timeout(12000)
    page.locator(".riffedu-instrument .riffedu-pad").click(position={"x": 60, "y": 60})
    page.wait_for_timeout(9000)
    print(page.evaluate("JSON.stringify(document.querySelector('.riffedu-instrument').dataset)"))
    notebook.shot("live1")
    print(notebook.execute("print(len(band.score), band.wish, len(band.session))"))
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_timeout(3000)
    notebook.shot("live2")
