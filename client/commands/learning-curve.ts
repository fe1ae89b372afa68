import { LineChart, ScatterChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
} from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  SVGRenderer,
]);

/** What a learning curve shows; `steps` are steps of sub-environments. */
export interface Curve {
  readonly episodes: readonly { readonly steps: number; readonly return: number }[];
  readonly validations: readonly { readonly steps: number; readonly mean: number }[];
}

type Point = [steps: number, value: number];

/**
 * Draws a learning curve as SVG: each episode's return, their mean over the last 100, the validations, and the return at
 * which the environment counts as solved.
 */
export function learningCurveSvg(curve: Curve, title: string, rewardThreshold?: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 500 });
  const returns = curve.episodes.map((episode): Point => [episode.steps, episode.return]);
  const solved = rewardThreshold === undefined ? [] : [{ yAxis: rewardThreshold }];
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, left: 'center' },
    legend: { bottom: 0, itemGap: 30 },
    grid: { left: 70, right: 30, top: 50, bottom: 80 },
    xAxis: { type: 'value', name: 'environment steps', nameLocation: 'middle', nameGap: 28 },
    yAxis: { type: 'value', name: 'return', min: lowerEdge(returns) },
    series: [
      { name: 'episode', type: 'scatter', symbolSize: 3, color: '#b8c7d9', data: returns },
      {
        name: 'mean of the last 100 episodes',
        type: 'line',
        showSymbol: false,
        color: '#1f5fa8',
        data: movingMean(returns, 100),
        markLine: {
          symbol: 'none',
          label: { formatter: 'solved', position: 'insideEndTop' },
          data: solved,
        },
      },
      {
        name: 'greedy policy, validation',
        type: 'line',
        symbolSize: 6,
        color: '#d9622b',
        data: curve.validations.map((point): Point => [point.steps, point.mean]),
      },
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function movingMean(points: readonly Point[], window: number): Point[] {
  let sum = 0;
  return points.map(([steps, value], i) => {
    sum += value - (i >= window ? (points[i - window] as Point)[1] : 0);
    return [steps, sum / Math.min(i + 1, window)];
  });
}

/** The 2 % quantile, so that a few crashes do not flatten the rest. */
function lowerEdge(points: readonly Point[]): number | undefined {
  const sorted = points.map(([, value]) => value).sort((a, b) => a - b);
  const edge = sorted[Math.floor(sorted.length * 0.02)];
  return edge === undefined ? undefined : Math.floor(edge / 50) * 50;
}
