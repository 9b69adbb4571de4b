// Sounds are made, not loaded: nothing to fetch, nothing to miss. Where sound is not to be had
// (no device, no permission) the picture and the light still say the same (UX-13).

let audio: AudioContext | undefined

function tone(at: number, hertz: number, length: number, volume: number): void {
  const o = audio!.createOscillator()
  const g = audio!.createGain()
  o.frequency.value = hertz
  o.connect(g)
  g.connect(audio!.destination)
  g.gain.setValueAtTime(0.0001, at)
  g.gain.exponentialRampToValueAtTime(volume, at + 0.02)
  g.gain.exponentialRampToValueAtTime(0.0001, at + length)
  o.start(at)
  o.stop(at + length + 0.05)
}

function play(notes: [after: number, hertz: number, length: number][], volume: number): void {
  try {
    audio ??= new AudioContext()
    void audio.resume().catch(() => undefined)
    const now = audio.currentTime + 0.01
    for (const [after, hertz, length] of notes) tone(now + after, hertz, length, volume)
  } catch {
    audio = undefined
  }
}

export const sounds = {
  /** Something waits to be taken. */
  attention: () => play([[0, 880, 0.16], [0.2, 1175, 0.22]], 0.25),
  /** Time is running out. */
  warn: () => play([[0, 660, 0.2]], 0.3),
  /** A key was pressed; the same for every key (UX-06). */
  key: () => play([[0, 520, 0.06]], 0.12),
  touch: () => play([[0, 760, 0.04]], 0.06)
}
export type Sound = keyof typeof sounds
