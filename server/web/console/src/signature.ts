/** The part of the field that has strokes, with a margin, as an SVG viewBox. */
export function box(strokes: readonly (readonly (readonly number[])[])[]): string {
  const all = strokes.flat()
  if (all.length === 0) return '0 0 1000 400'
  const xs = all.map((p) => Number(p[0])), ys = all.map((p) => Number(p[1]))
  const x = xs.reduce((a, b) => Math.min(a, b)), y = ys.reduce((a, b) => Math.min(a, b))
  return `${x - 30} ${y - 30} ${xs.reduce((a, b) => Math.max(a, b)) - x + 60} ${ys.reduce((a, b) => Math.max(a, b)) - y + 60}`
}

/** The strokes of a signature as SVG paths; a dot is a line to itself. Points are [x, y, ms, pressure] in thousandths. */
export function paths(strokes: readonly (readonly (readonly number[])[])[]): string[] {
  return strokes.filter((s) => s.length > 0).map((s) => {
    const at = s.map((p) => `${Number(p[0])} ${Number(p[1])}`)
    return `M${at[0]}${(at.length > 1 ? at.slice(1) : at).map((x) => `L${x}`).join('')}`
  })
}
