"""What happened to a user of `notifications.Notifications`, as a picture or as text."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

DAYS, SLOTS = 28, ("morning", "noon", "evening", "night")
COLOURS = {"friends": "#2f6fdb", "digest": "#1f9d7a", "offer": "#e07b39"}
KINDS = tuple(COLOURS)
INK, FAINT, PAPER, NIGHT, ALERT = "#22303f", "#9aa7b5", "#ffffff", "#f3f6fa", "#c8324a"

WIDTH, HEIGHT = 960, 440
LEFT, TOP, CELL = 92, 84, 30
CURVES_TOP, CURVES_HEIGHT = 250, 110
SCALE = 2
"""Drawn larger and reduced, which smooths edges."""


def text(history):
    """A line for each part of the day.

    Args:
        history: As `picture` has it.

    Returns:
        ``.`` quiet, ``v`` visited, a kind's first letter, large where it was opened, ``x`` switched off.
    """
    marks = [_letter(outcome, kind) for outcome, kind, *_ in history]
    rows = (f"{name:8}{''.join(marks[slot :: len(SLOTS)])}" for slot, name in enumerate(SLOTS))
    return "\n".join(
        [f"day {min(len(history) // len(SLOTS) + 1, DAYS)} of {DAYS}, return {_total(history):.1f}", *rows]
    )


def picture(history):
    """A column for each day, a row for each of its parts, and below it the user's fatigue and habit.

    Args:
        history: Per step: outcome, kind, fatigue, habit in [0, 1], return so far.

    Returns:
        uint8 [440, 960, 3].
    """
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    draw = _Scaled(image)
    _draw_frame(draw, history)
    for time, (outcome, kind, *_) in enumerate(history):
        _draw_outcome(draw, time, outcome, kind)
    for column, colour, top in ((2, ALERT, 5.0), (3, COLOURS["digest"], 1.0)):
        points = [(_x(time / len(SLOTS)), _curve_y(step[column] / top)) for time, step in enumerate(history)]
        if len(points) > 1:
            draw.line(points, colour, 2)
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


class _Scaled:
    """ImageDraw in the coordinates of the reduced picture."""

    def __init__(self, image):
        self._draw = ImageDraw.Draw(image)
        self._fonts = {size: ImageFont.load_default(size * SCALE) for size in (12, 13, 20)}

    def line(self, points, colour, width):
        self._draw.line([(x * SCALE, y * SCALE) for x, y in points], colour, width * SCALE, joint="curve")

    def rectangle(self, left, top, right, bottom, colour):
        self._draw.rectangle((left * SCALE, top * SCALE, right * SCALE - 1, bottom * SCALE - 1), colour)

    def disc(self, x, y, radius, fill, outline=None):
        box = ((x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE)
        self._draw.ellipse(box, fill, outline or fill, 2 * SCALE)

    def words(self, x, y, words, colour=INK, size=13, anchor="lm"):
        self._draw.text((x * SCALE, y * SCALE), words, colour, self._fonts[size], anchor)


def _draw_frame(draw, history):
    outcomes = [outcome for outcome, *_ in history]
    sent, opened = (
        sum(outcome in ("opened", "ignored", "churned") for outcome in outcomes),
        outcomes.count("opened"),
    )
    draw.words(24, 30, "Four weeks of notifications", size=20)
    draw.words(WIDTH - 24, 30, f"return {_total(history):.1f}", size=20, anchor="rm")
    draw.words(24, 56, f"{sent} sent, {opened} opened, {outcomes.count('visited')} visits unasked", FAINT)
    for slot, name in enumerate(SLOTS):
        draw.words(24, TOP + (slot + 0.5) * CELL, name)
    for day in range(DAYS):
        if day % 7 > 4:
            draw.rectangle(_x(day), TOP, _x(day + 1), TOP + len(SLOTS) * CELL, NIGHT)
            draw.rectangle(_x(day), CURVES_TOP, _x(day + 1), CURVES_TOP + CURVES_HEIGHT, NIGHT)
        draw.words(_x(day + 0.5), TOP + len(SLOTS) * CELL + 14, f"{day + 1}", FAINT, 12, "mm")
    for y in (CURVES_TOP, CURVES_TOP + CURVES_HEIGHT):
        draw.line([(LEFT, y), (_x(DAYS), y)], "#e1e7ee", 1)
    draw.words(24, CURVES_TOP + 20, "fatigue", ALERT)
    draw.words(24, CURVES_TOP + 44, "habit", COLOURS["digest"])
    x = LEFT
    for name, colour in COLOURS.items():
        draw.disc(x + 7, HEIGHT - 36, 7, colour)
        draw.words(x + 22, HEIGHT - 36, f"{name}, opened")
        x += 150
    for label, radius, fill, outline in (("ignored", 6, PAPER, FAINT), ("visit unasked", 4, INK, None)):
        draw.disc(x + 7, HEIGHT - 36, radius, fill, outline)
        draw.words(x + 22, HEIGHT - 36, label)
        x += 115
    _draw_cross(draw, x + 12, HEIGHT - 36, 6)
    draw.words(x + 26, HEIGHT - 36, "switched off")


def _draw_outcome(draw, time, outcome, kind):
    x, y = _x(time // len(SLOTS) + 0.5), TOP + (time % len(SLOTS) + 0.5) * CELL
    if outcome == "quiet":
        draw.disc(x, y, 1, "#d5dde6")
    elif outcome == "visited":
        draw.disc(x, y, 4, INK)
    elif outcome == "opened":
        draw.disc(x, y, 10, COLOURS[KINDS[kind]])
    elif outcome == "ignored":
        draw.disc(x, y, 9, PAPER, COLOURS[KINDS[kind]])
    else:
        _draw_cross(draw, x, y, 9)


def _draw_cross(draw, x, y, radius):
    for sign in (1, -1):
        draw.line([(x - radius, y - radius * sign), (x + radius, y + radius * sign)], ALERT, 3)


def _letter(outcome, kind):
    if outcome in ("quiet", "visited", "churned"):
        return {"quiet": ".", "visited": "v", "churned": "x"}[outcome]
    letter = KINDS[kind][0]
    return letter.upper() if outcome == "opened" else letter


def _total(history):
    return history[-1][-1] if history else 0.0


def _x(day):
    return LEFT + CELL * day


def _curve_y(share):
    return CURVES_TOP + CURVES_HEIGHT * (1 - min(share, 1.0))
