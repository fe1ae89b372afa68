import { BarChart, CustomChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { BenchResult } from './compare.js';

use([BarChart, CustomChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** Draws the ratio of each row to its best other side as a bar, the rounds' spread as a line, and what is demanded as ticks. */
export function ratiosSvg(results: readonly BenchResult[]): string {
  const shown = [...results].reverse();
  const chart = init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: 900,
    height: 120 + 34 * shown.length,
  });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: 'how many times as good as the best other side', left: 'center' },
    legend: { bottom: 0, itemGap: 30 },
    grid: { left: 150, right: 40, top: 50, bottom: 60 },
    // Ratios of 0.01 and of 300 are both to be seen; bars begin at 1, where both sides are equal.
    xAxis: { type: 'log', startValue: 1, axisLabel: { formatter: '{value} ×' } },
    yAxis: { type: 'category', data: shown.map(({ row }) => row) },
    series: [
      {
        name: 'ratio, median',
        type: 'bar',
        color: '#1f5fa8',
        data: shown.map(({ ratio }) => ratio),
      },
      lines(
        'spread of the rounds',
        '#0b2239',
        shown.map(({ spread }, i) => [i, ...spread]),
      ),
      ticks('at least', '#d9622b', shown, 'atLeast'),
      ticks('aim', '#3a9a5b', shown, 'aim'),
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function lines(name: string, color: string, data: readonly (readonly number[])[]) {
  return {
    name,
    type: 'custom',
    color,
    encode: { x: [1, 2], y: 0 },
    data,
    renderItem: (_: unknown, api: Place) => {
      const [x1, y1] = api.coord([api.value(1), api.value(0)]);
      const [x2, y2] = api.coord([api.value(2), api.value(0)]);
      return { type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke: color, lineWidth: 2 } };
    },
    z: 3,
  };
}

function ticks(
  name: string,
  color: string,
  shown: readonly BenchResult[],
  what: 'atLeast' | 'aim',
) {
  const data = shown.flatMap(({ demands }, i) =>
    demands
      .filter((demand) => demand.of === 'ratio' && demand[what] !== undefined)
      .map((demand) => [i, demand[what] as number]),
  );
  return {
    name,
    type: 'custom',
    color,
    encode: { x: 1, y: 0 },
    data,
    renderItem: (_: unknown, api: Place) => {
      const [x, y] = api.coord([api.value(1), api.value(0)]) as [number, number];
      const shape = { x1: x, y1: y - 13, x2: x, y2: y + 13 };
      return { type: 'line', shape, style: { stroke: color, lineWidth: 3 } };
    },
    z: 4,
  };
}

interface Place {
  value(dimension: number): number;
  coord(point: readonly [number, number]): readonly number[];
}
