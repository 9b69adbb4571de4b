/** What the shell says at /shell/config.json. */
export interface ShellConfig {
  platform: { url: string; token: string }
  bundle?: { name?: string; version?: string; digest?: string }
  start?: string
}

export async function readConfig(): Promise<ShellConfig> {
  const r = await fetch('/shell/config.json', { cache: 'no-store' })
  if (!r.ok) throw new Error(`config.json: ${r.status}`)
  return (await r.json()) as ShellConfig
}
