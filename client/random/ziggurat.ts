/**
 * The tables of NumPy's ziggurats: 256 strips of one area under the density e**(-x²/2) or e**-x (G. Marsaglia and W.W. Tsang, "The
 * Ziggurat Method for Generating Random Variables", 2000; J.A. Doornik, "An Improved Ziggurat Method to Generate Normal Random
 * Samples", 2005). NumPy has them as constants; they are computed here, to the same bits.
 */
import { expOfMinus, log, one, over, times, toDouble, toFixedPoint } from './fixed-point.js';

/** A strip ends at `width[i] · 2**bits`; draws below `inside[i]` are under the density; there it is `density[i]`. */
export interface Ziggurat {
  readonly width: Float64Array;
  readonly inside: Float64Array;
  readonly density: Float64Array;
}

function emptyTables(): Ziggurat {
  const table = () => new Float64Array(256);
  return { width: table(), inside: table(), density: table() };
}

/** Where the tail of the normal density begins. */
export const normalTail = 3.654152885361009;

/** The recursion of Doornik's paper, each step rounded to double, for draws of 52 bits. */
export function normalZiggurat(): Ziggurat {
  const area = 0.004928673233974652;
  const { width, inside, density } = emptyTables();
  const strip = (i: number, x: number, inner: number, y: number) => {
    width[i] = x / 2 ** 52;
    inside[i] = roundToEven((inner / x) * 2 ** 52);
    density[i] = y;
  };
  let x = normalTail;
  let y = normalDensity(x);
  strip(0, area / y, x, 1);
  for (let i = 255; i > 0; i--) {
    const inner = i === 1 ? 0 : Math.sqrt(-2 * toDouble(log(toFixedPoint(area / x + y))));
    strip(i, x, inner, y);
    x = inner;
    // The program behind NumPy's table rounded strip 38 up, though the value is 0.4983 units above the double below.
    y = normalDensity(x) + (i - 1 === 38 ? 2 ** -53 : 0);
  }
  return { width, inside, density };
}

function normalDensity(x: number): number {
  return toDouble(expOfMinus(toFixedPoint(0.5 * x * x)));
}

/** The nearest integer to a multiple of a half, ties to even. */
function roundToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

/** Where the tail of the exponential density begins. */
export const exponentialTail = 7.69711747013105;

/** The same recursion without rounding, for draws of 53 bits of which NumPy compares 52. */
export function exponentialZiggurat(): Ziggurat {
  const { width, inside, density } = emptyTables();
  const tail = (one * 76971174701310497140446280481n) / 10n ** 28n;
  const tailDensity = expOfMinus(tail);
  const area = times(tail + one, tailDensity);
  const strip = (i: number, x: bigint, inner: bigint, y: bigint) => {
    width[i] = toDouble(x) / 2 ** 53;
    inside[i] = 2 * Number(over(inner, x) >> 76n);
    density[i] = toDouble(y);
  };
  let x = tail;
  let y = tailDensity;
  strip(0, over(area, tailDensity), tail, one);
  for (let i = 255; i > 0; i--) {
    const inner = i === 1 ? 0n : -log(over(area, x) + y);
    strip(i, x, inner, y);
    y += over(area, x);
    x = inner;
  }
  return { width, inside, density };
}
