"""The page in a real browser: widths, tabs and folds by keyboard, without scripts, in the dark, on paper."""

import base64
import re

import browser
import pytest

pytestmark = pytest.mark.skipif(browser.EXECUTABLE is None, reason="there is no Chromium (apt-get install chromium)")

# Elements that reach beyond the right edge and lie in nothing that scrolls.
BEYOND = """
[...document.querySelectorAll("body *")].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width && box.right > document.documentElement.clientWidth + 1
    && !e.closest(".scroll, .picture, pre, svg, dialog");
}).map(e => e.outerHTML.slice(0, 80))
"""
# Texts whose colour stands out too little from what lies behind them (WCAG 2: 4.5 to 1).
FAINT = """
(() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("p, li, td, th, a, summary, h1, h2, h3, label, .badge, code, figcaption, .sort")]
    .filter(e => e.textContent.trim() && e.checkVisibility() && !e.closest("svg")).filter(e => {
      const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05) < 4.5;
    }).map(e => e.outerHTML.slice(0, 80));
})()
"""
SHOWN = '[...document.querySelectorAll(".of-model")].filter(e => e.checkVisibility()).map(e => e.classList[1])'
# What assistive technology cannot name: controls, pictures and tables' scrolled regions.
NAMELESS = """
[...document.querySelectorAll("a, button, input, svg[role=img], summary")].filter(e =>
  !(e.textContent.trim() || e.getAttribute("aria-label") || (e.labels && e.labels.length)))
  .map(e => e.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def page(finished):
    return finished / "results/reports/pair.html"  # two models, the second fails a check


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    made = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.mark.parametrize("width", [1400, 800, 390])
def test_nothing_is_wider_than_the_screen(window, page, width):
    window.open(page, width)
    assert window.ask("document.documentElement.scrollWidth") <= width
    assert window.ask(BEYOND) == []
    assert window.ask("document.title") == "pair: a mixture analysis"


def test_the_answer_is_on_the_first_screen(window, page):
    window.open(page)
    for part in (".said p", ".answer svg", ".verdict .badge"):
        assert window.ask(f"document.querySelector('{part}').getBoundingClientRect().bottom") < 900


def test_nothing_is_fetched_and_nothing_goes_wrong(window, page):
    window.open(page)
    assert [url for url in window.requests if not url.startswith("data:")] == [page.as_uri()]
    assert window.ask("document.querySelectorAll('button.sort').length") > 10  # so the script came to its end
    assert window.ask(NAMELESS) == []


@pytest.mark.parametrize("scripts", [True, False])
def test_models_are_tabs_by_keyboard_also_without_scripts(window, page, scripts):
    window.open(page, scripts=scripts)
    assert set(window.ask(SHOWN)) == {"m1"}
    window.ask("document.querySelector('#show-1').focus()")
    window.press("ArrowRight", 39)
    assert window.ask("document.activeElement.id") == "show-2"
    assert set(window.ask(SHOWN)) == {"m2"}
    assert window.ask("getComputedStyle(document.querySelector('#show-2 + label')).outlineStyle") == "solid"


def test_folds_open_by_keyboard_without_scripts(window, page):
    window.open(page, scripts=False)
    window.ask("document.querySelector('#checks summary').focus()")
    window.press(" ", 32)
    assert window.ask("document.querySelector('#checks details').open")


def test_the_whole_page_is_there_without_scripts(window, page):
    window.open(page)
    text = window.ask("document.querySelector('main').textContent.replace(/Enlarge /g, '')")
    window.open(page, scripts=False)
    assert window.ask("document.querySelector('main').textContent") == text


@pytest.mark.parametrize("dark", [True, False])
def test_texts_stand_out_in_the_light_and_in_the_dark(window, page, dark):
    window.open(page, dark=dark)
    shade = window.ask("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", shade))) < 120) is dark
    assert window.ask(FAINT) == []


def test_a_table_is_sorted_by_a_click_and_back(window, page):
    window.open(page)
    cells = "[...document.querySelectorAll('#found .m1 tbody tr')].map(r => r.cells[2].textContent)"
    before = window.ask(cells)
    window.ask("document.querySelectorAll('#found .m1 th button')[2].click()")
    assert window.ask(cells) == sorted(before, key=float) != before
    window.ask("document.querySelectorAll('#found .m1 th button')[2].click()")
    assert window.ask(cells) == sorted(before, key=float, reverse=True)


def test_figures_enlarge_and_numbers_say_where_they_stand(window, page):
    window.open(page)
    window.ask("document.querySelector('button.enlarge').click()")
    assert window.ask("document.querySelector('dialog[open] svg').getBoundingClientRect().width") > 1000
    window.press("Escape", 27)
    assert window.ask("document.querySelector('dialog[open]')") is None
    window.ask("document.querySelector('.said [data-from]').click()")
    said = window.ask("document.querySelector('dialog[open] .inside').textContent")
    assert re.search(r"%stands in results/fits/pair/free/2/summary.csv, line 2, column mean\.$", said)


def test_the_page_is_printed_whole(window, page):
    window.open(page, width=718, media="print")  # the width of A4 between its margins
    assert window.ask(BEYOND) == []
    cut = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > document.documentElement.clientWidth)"
    assert window.ask(f"{cut}.map(e => e.textContent.slice(0, 80))") == []
    printed = window.do("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
    paper = base64.b64decode(printed["data"])
    weights = "[...document.querySelectorAll('p, li, figcaption')].map(e => getComputedStyle(e).fontWeight)"
    assert set(window.ask(weights)) == {"400"}  # what one rule of print says is no other's
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 15
