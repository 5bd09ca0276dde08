"""Demos that move: in a live kernel as ipywidgets, on the built page without a kernel. Chapters: all.

`explore(draw, describe, **controls)` takes a function from one grid point to a matplotlib figure and one from the same
point to its caption. While the book is built (environment variable `COURSE_STATIC`) every grid point is drawn once and
written into the page as a small PNG, beside native range inputs and a kilobyte of JavaScript: it works offline, by
keyboard, and the first picture prints. Anywhere else the same controls are ordinary ipywidgets (version 7.7, Colab's,
or newer) and pictures are drawn as they are asked for. The demos of a topic stand at its address, in
`course_lib.demos.PART.TOPIC`.
"""

import base64
import hashlib
import html
import io
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_lib import plots

MAX_FRAMES = 40
DPI, COLOURS = 150, 64


@dataclass(frozen=True)
class Demo:
    """A picture and a caption over a grid of control values; displays itself as widgets or as a static page element."""

    draw: Callable[..., Figure]
    describe: Callable[..., str]
    controls: Mapping[str, tuple]  # control -> its values, the first one shown first
    alt: str

    def points(self) -> list[dict]:
        """Every grid point as keyword arguments of `draw`, the last control varying fastest."""
        names = list(self.controls)
        return [dict(zip(names, values, strict=True)) for values in itertools.product(*self.controls.values())]

    def corners(self) -> list[dict]:
        """The grid points at the ends of every control: what a test should call `draw` and `describe` on."""
        ends = {name: (values[0], values[-1]) for name, values in self.controls.items()}
        return Demo(self.draw, self.describe, ends, self.alt).points()

    def frame(self, **point) -> bytes:
        """The picture of one grid point in the course's style, as PNG."""
        plt.draw_if_interactive()  # loads the backend: loaded inside the context, it would show no later figure of a notebook
        with plt.rc_context(plots.STYLE):
            return png(self.draw(**point))

    def static(self) -> str:
        """Self-contained HTML with every frame; the element's id is a hash of its content."""
        frames = [self.frame(**point) for point in self.points()]
        captions = [self.describe(**point) for point in self.points()]
        data = {
            "frames": [base64.b64encode(frame).decode() for frame in frames],
            "captions": captions,
            "sizes": [len(values) for values in self.controls.values()],
        }
        key = hashlib.sha256(json.dumps(data).encode()).hexdigest()[:12]
        width, height = Image.open(io.BytesIO(frames[0])).size
        sliders = "".join(
            _slider(f"demo-{key}-{i}", name, values) for i, (name, values) in enumerate(self.controls.items())
        )
        return PAGE.format(
            key=key,
            sliders=sliders,
            first=data["frames"][0],
            alt=html.escape(self.alt, quote=True),
            width=width * 96 // DPI,
            height=height * 96 // DPI,
            caption=html.escape(captions[0]),
            # A closing tag inside the data must not end the script element.
            data=json.dumps(data).replace("</", "<\\/"),
        )

    def widget(self):
        """The live form: a slider per control, the picture and its caption, redrawn when a slider moves."""
        import ipywidgets as widgets

        sliders = {
            name: widgets.SelectionSlider(
                options=[(str(value), value) for value in values],
                description=_label(name),
                continuous_update=False,
                style={"description_width": "initial"},
                layout={"width": "95%", "max_width": "480px"},
            )
            for name, values in self.controls.items()
        }
        picture, caption = widgets.Image(format="png"), widgets.HTML()

        def show(_change=None) -> None:
            point = {name: slider.value for name, slider in sliders.items()}
            picture.value = self.frame(**point)
            caption.value = html.escape(self.describe(**point))

        for slider in sliders.values():
            slider.observe(show, names="value")
        show()
        return widgets.VBox([*sliders.values(), picture, caption])

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        display(HTML(self.static()) if os.environ.get("COURSE_STATIC") else self.widget())


def explore(
    draw: Callable[..., Figure], describe: Callable[..., str], *, alt: str, **controls: Sequence
) -> Demo:
    """A demo over the grid of `controls`: `draw(**point)` gives a figure, `describe(**point)` its caption in plain text.

    `alt` says what the picture shows whatever the controls are; the caption says what is seen now and is announced to
    screen readers. Each control is a sequence of at least two values whose `str` labels the slider; underscores in its
    name are shown as spaces. `draw` and `describe` must be deterministic. Raises ValueError for an empty control or
    for more than 40 grid points.

    >>> demo = explore(lambda k: plt.figure(), lambda k: f"k is {k}", alt="An empty figure.", k=[1, 2, 3])
    >>> [point["k"] for point in demo.points()]
    [1, 2, 3]
    """
    if not controls:
        raise ValueError("controls must name at least one control, e.g. budget=[10, 100], got none")
    grid = {name: tuple(values) for name, values in controls.items()}
    frames = 1
    for name, values in grid.items():
        if len(values) < 2:
            raise ValueError(f"control {name!r} must have at least two values, got {len(values)}")
        frames *= len(values)
    if frames > MAX_FRAMES:
        raise ValueError(f"controls must span at most {MAX_FRAMES} grid points, got {frames}")
    return Demo(draw, describe, grid, alt)


def png(figure: Figure) -> bytes:
    """The figure as a PNG of 64 colours at 150 dots per inch (7 to 21 KB); closes the figure."""
    figure.set(dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # `savefig` would draw a figure with a layout twice, and write a PNG only to have it read again
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    plt.close(figure)
    small = io.BytesIO()
    image.save(small, format="png", optimize=True)
    return small.getvalue()


def _label(name: str) -> str:
    return name.replace("_", " ")


def _slider(key: str, name: str, values: tuple) -> str:
    labels = html.escape(json.dumps([str(value) for value in values]), quote=True)
    first = html.escape(str(values[0]), quote=True)
    return (
        f'<label for="{key}"><span class="course-demo-name">{html.escape(_label(name))}</span>'
        f'<input id="{key}" type="range" min="0" max="{len(values) - 1}" value="0" step="1" autocomplete="off" '
        # JupyterLab takes the arrow keys for itself unless the input says otherwise.
        f'data-labels="{labels}" aria-valuetext="{first}" data-lm-suppress-shortcuts="true">'
        f"<output>{first}</output></label>"
    )


PAGE = """<div class="course-demo" id="demo-{key}">
<div class="course-demo-controls">{sliders}</div>
<figure><img src="data:image/png;base64,{first}" alt="{alt}" width="{width}" height="{height}"
 style="max-width:100%;height:auto;background:#fff"><figcaption aria-live="polite">{caption}</figcaption></figure>
<script type="application/json">{data}</script>
<script>
(function () {{
  var root = document.getElementById("demo-{key}"), sources = {{}};
  var data = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  var inputs = Array.prototype.slice.call(root.querySelectorAll("input"));
  var picture = root.querySelector("img"), caption = root.querySelector("figcaption");
  function show() {{
    var at = 0;
    inputs.forEach(function (input, i) {{
      var label = JSON.parse(input.dataset.labels)[+input.value];
      at = at * data.sizes[i] + +input.value;
      input.setAttribute("aria-valuetext", label);
      input.parentNode.querySelector("output").textContent = label;
    }});
    picture.src = sources[at] = sources[at] || "data:image/png;base64," + data.frames[at];
    caption.textContent = data.captions[at];
  }}
  inputs.forEach(function (input) {{ input.value = 0; input.addEventListener("input", show); }});
}})();
</script>
</div>"""
