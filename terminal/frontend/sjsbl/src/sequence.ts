// A business sequence is data: steps that name a component, its parameters, and where each of its
// exits leads. The engine here walks it; components do the work; screens only show and answer.

import { DeviceError, LINK_LOST, type Payload, type Text } from '@counter/sjsl'
import type { Context } from './context'

/** A component runs one step and answers its exit. */
export interface Component {
  exits: readonly string[]
  run(ctx: Context, params: Payload): Promise<string>
}

export interface Step {
  use: string
  with?: Payload
  on: Record<string, string>
}

export interface Sequence {
  name: string
  title: Text
  /** The service of X-Terminal.Info that says whether it can be offered. */
  service: string
  start: string
  /** Steps that the indicator counts (n of m). */
  indicator: string[]
  steps: Record<string, Step>
}

/** The step that ends every sequence. */
export const END = 'end'

/**
 * Everything that is wrong with a sequence. Beside spelling it enforces card before cash (UX-03): no
 * way may lead to a step that dispenses while the customer has not taken the card.
 */
export function problems(seq: Sequence, library: Record<string, Component>): string[] {
  const out: string[] = []
  const steps = Object.entries(seq.steps)
  if (!seq.steps[seq.start]) out.push(`start: there is no step "${seq.start}"`)
  for (const [id, step] of steps) {
    const c = library[step.use]
    if (!c) {
      out.push(`${id}: there is no component "${step.use}"`)
      continue
    }
    for (const exit of c.exits) if (!(exit in step.on)) out.push(`${id}: exit "${exit}" of ${step.use} leads nowhere`)
    for (const [exit, to] of Object.entries(step.on)) {
      if (!c.exits.includes(exit)) out.push(`${id}: ${step.use} has no exit "${exit}"`)
      if (to !== END && !seq.steps[to]) out.push(`${id}: exit "${exit}" leads to "${to}", which is no step`)
    }
  }
  for (const id of seq.indicator) if (!seq.steps[id]) out.push(`indicator: there is no step "${id}"`)
  if (out.length > 0) return out
  const ways = explore(seq)
  for (const [id] of steps) if (!ways.has(`${id} in`) && !ways.has(`${id} out`)) out.push(`${id}: no way leads here`)
  for (const [id, step] of steps) if (step.use === 'dispense' && ways.has(`${id} in`)) out.push(`${id}: a way leads to the cash before the card is returned`)
  return out
}

/** Every step that can be reached, with where the card is then: taken by the customer ("out") or not. */
function explore(seq: Sequence): Set<string> {
  const seen = new Set<string>()
  const todo: [string, boolean][] = [[seq.start, false]]
  for (let way = todo.pop(); way; way = todo.pop()) {
    const [id, out] = way
    const key = `${id} ${out ? 'out' : 'in'}`
    if (id === END || seen.has(key)) continue
    seen.add(key)
    const step = seq.steps[id]!
    for (const [exit, to] of Object.entries(step.on)) {
      todo.push([to, step.use === 'returnCard' ? exit === 'taken' : step.use === 'readCard' ? false : out])
    }
  }
  return seen
}

/** Walks the sequence to its end; what a component throws ends it. */
export async function walk(seq: Sequence, library: Record<string, Component>, ctx: Context): Promise<void> {
  const unlink = ctx.sjsl.onState((up) => {
    if (!up) ctx.interrupt(new DeviceError(seq.name, LINK_LOST, '', {}, 'the platform is not reached'))
  })
  try {
    let id = seq.start
    for (let n = 0; id !== END; n++) {
      const step = seq.steps[id]
      const component = step && library[step.use]
      if (!step || !component) throw new Error(`${seq.name}: no step ${id}`)
      if (n > 200) throw new Error(`${seq.name}: goes in circles`)
      ctx.enter(id, seq.indicator)
      const exit = await component.run(ctx, step.with ?? {})
      ctx.intact()
      const to = step.on[exit]
      if (to === undefined) throw new Error(`${seq.name}: step ${id} has no way for "${exit}"`)
      ctx.sjsl.log('info', 'step', { flow: seq.name, step: id, exit })
      id = to
    }
  } finally {
    unlink()
  }
}
