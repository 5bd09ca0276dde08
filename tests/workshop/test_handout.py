"""The handout is one sheet of A4, and nothing on it is cut off."""

import re

import matplotlib.pyplot as plt

from course_lib.demos.attribution.overview import READINGS
from course_lib.equivariance.orbit_picture import SIX
from workshop import handout
from workshop.__main__ import main


def test_it_is_one_page_of_a4(tmp_path, capsys):
    assert main(["--out", str(tmp_path), "handout"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "handout.pdf")
    pdf = (tmp_path / "handout.pdf").read_bytes()
    (width, height), = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert abs(float(width) - 595.28) < 1 and abs(float(height) - 841.89) < 1


def test_every_reading_and_construction_is_on_it_and_all_text_fits():
    figure = handout.sheet()
    figure.canvas.draw()
    titles = [ax.get_title(loc="left") for ax in figure.findobj(plt.Axes)]
    assert titles == [*READINGS, *SIX]
    page = figure.bbox
    texts = [text for text in figure.findobj(plt.Text) if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    plt.close(figure)
