import { ref } from 'vue'

/** Browsers give sound only after a touch; ready tells whether this has happened. */
export const ready = ref(false)
let ctx: AudioContext | undefined

export async function wake(): Promise<void> {
  try {
    ctx ??= new AudioContext()
    await ctx.resume()
    ready.value = ctx.state === 'running'
  } catch { ready.value = false }
}

/** Two rising tones and a buzz: somebody waits. */
export function ring(): void {
  try { navigator.vibrate?.([200, 100, 200]) } catch { /* a tablet without a motor */ }
  if (!ctx || ctx.state !== 'running') return
  for (const [hz, at] of [[660, 0], [880, 0.18], [660, 0.55], [880, 0.73]] as const) {
    const o = ctx.createOscillator(), g = ctx.createGain(), from = ctx.currentTime + at
    o.frequency.value = hz
    g.gain.setValueAtTime(0, from)
    g.gain.linearRampToValueAtTime(0.4, from + 0.02)
    g.gain.exponentialRampToValueAtTime(0.001, from + 0.3)
    o.connect(g).connect(ctx.destination)
    o.start(from)
    o.stop(from + 0.32)
  }
}
