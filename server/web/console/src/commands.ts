/** The commands a terminal can be given; server/api/mgmt has the original list. */
export const commandKinds = ['suspend', 'resume', 'resolve', 'setCounts', 'boxEmptied', 'loadKey', 'previousBundle']
export const twoPersons = ['resolve', 'setCounts', 'boxEmptied', 'loadKey']

export function commandTone(state: string): 'good' | 'bad' | 'warn' | 'busy' | 'off' {
  return state === 'done' ? 'good' : state === 'failed' ? 'bad' : state === 'proposed' ? 'warn' : state === 'ready' || state === 'sent' ? 'busy' : 'off'
}
