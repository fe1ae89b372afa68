/** A picture of a training beside policies that do not learn. */
import { LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { LearningCurve } from 'gymlink/agents';

use([LineChart, GridComponent, LegendComponent, MarkLineComponent, SVGRenderer]);

/** Draws the validations of each training, and a dashed line for each policy that does not learn, as SVG. */
export function learningCurveSvg(
  curves: readonly { readonly seed: number; readonly curve: LearningCurve }[],
  levels: readonly { readonly name: string; readonly mean: number }[],
): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 460 });
  const lines = curves.map(({ seed, curve }, i) => ({
    name: `DQN, seed ${seed}`,
    type: 'line' as const,
    symbolSize: 5,
    data: curve.validations.map(({ steps, mean }) => [steps, mean]),
    ...(i === 0 ? { markLine: levelLines(levels) } : {}),
  }));
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    color: ['#2f6fdb', '#1f9d7a', '#e07b39'],
    legend: { bottom: 0, itemGap: 30 },
    grid: { left: 60, right: 150, top: 20, bottom: 80 },
    xAxis: { type: 'value', name: 'environment steps', nameLocation: 'middle', nameGap: 28 },
    yAxis: {
      type: 'value',
      min: Math.min(0, ...levels.map(({ mean }) => Math.floor(mean))),
      name: 'mean return of an episode',
      nameLocation: 'middle',
      nameGap: 35,
    },
    series: lines,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function levelLines(levels: readonly { readonly name: string; readonly mean: number }[]) {
  return {
    symbol: 'none',
    lineStyle: { color: '#6b7885', type: 'dashed' as const },
    label: { position: 'end' as const, color: '#22303f' },
    data: levels.map(({ name, mean }) => ({
      yAxis: mean,
      label: { formatter: `${name} ${mean.toFixed(1)}` },
    })),
  };
}
