"""Draw a bar chart as SVG."""

from dataclasses import dataclass
from html import escape

_ROW, _LEFT, _WIDTH, _RIGHT, _TOP = 34, 190, 440, 110, 46  # pixels


@dataclass(frozen=True)
class Bar:
    """Hold one line of the chart."""

    label: str
    value: float
    shown: str  # beside the bar
    ours: bool


def draw(title: str, bars: list[Bar], mark: float, mark_label: str) -> str:
    """Horizontal bars on one scale, with a dashed line at `mark`."""
    scale = _WIDTH / max(mark, *(bar.value for bar in bars))
    width, height = _LEFT + _WIDTH + _RIGHT, _TOP + _ROW * len(bars) + 30
    x, bottom = _LEFT + mark * scale, _TOP + _ROW * len(bars)
    lines = [_bar(bar, _TOP + _ROW * row, scale) for row, bar in enumerate(bars)]
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" font-family="system-ui, sans-serif" font-size="14">
<title>{escape(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="16" y="26" font-size="16" font-weight="600" fill="#1b1b35">{escape(title)}</text>
{"".join(lines)}<path d="M{x:.0f} {_TOP - 6}V{bottom}" stroke="#b34000" stroke-dasharray="4 3"/>
<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle" font-size="12" fill="#b34000">\
{escape(mark_label)}</text>
</svg>
"""


def _bar(bar: Bar, y: int, scale: float) -> str:
    colour = "#000091" if bar.ours else "#8585a8"
    end = _LEFT + bar.value * scale
    return (
        f'<text x="{_LEFT - 12}" y="{y + 18}" text-anchor="end" fill="#1b1b35">{escape(bar.label)}</text>\n'
        f'<rect x="{_LEFT}" y="{y + 2}" width="{bar.value * scale:.0f}" height="24" fill="{colour}"/>\n'
        f'<text x="{end + 8:.0f}" y="{y + 18}" fill="#1b1b35">{escape(bar.shown)}</text>\n'
    )
