/**
 * A number as Go prints it, which is how values and bucket bounds appear in the API: the shortest
 * digits that read back exactly, with an exponent from 1e+06 on and below 0.0001.
 */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [digits = "", exponentText] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < FIRST_LARGE_EXPONENT) return `${value}`;
  const sign = exponent < 0 ? "-" : "+";
  return `${digits}e${sign}${`${Math.abs(exponent)}`.padStart(2, "0")}`;
}

const FIRST_LARGE_EXPONENT = 6;
