/**
 * Tells the shell every two seconds that the page paints: the frame counter stands still when it
 * hangs, although timers may go on. A beat that is not answered is forgotten; the next one follows.
 */
export function startHeartbeat(session: () => string, bundle: () => string): () => void {
  let frame = 0
  let painting = requestAnimationFrame(function paint() {
    frame++
    painting = requestAnimationFrame(paint)
  })
  const beat = () =>
    fetch('/shell/heartbeat', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ frame, session: session(), bundle: bundle() }) }).catch(() => undefined)
  void beat()
  const timer = setInterval(beat, 2000)
  return () => {
    clearInterval(timer)
    cancelAnimationFrame(painting)
  }
}
