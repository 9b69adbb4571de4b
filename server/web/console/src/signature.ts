/** The strokes of a signature as SVG paths; a dot is a line to itself. Points are [x, y, ms, pressure] in thousandths. */
export function paths(strokes: readonly (readonly (readonly number[])[])[]): string[] {
  return strokes.filter((s) => s.length > 0).map((s) => {
    const at = s.map((p) => `${Number(p[0])} ${Number(p[1])}`)
    return `M${at[0]}${(at.length > 1 ? at.slice(1) : at).map((x) => `L${x}`).join('')}`
  })
}
