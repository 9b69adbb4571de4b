// The XFS4IoT 2024-3 envelope as this library speaks it (terminal/api/xfs on the other side).

export type Json = null | boolean | number | string | Json[] | { [k: string]: Json }
export type Payload = Record<string, unknown>

export interface Header {
  type: 'command' | 'acknowledge' | 'event' | 'completion' | 'unsolicited'
  name: string
  version?: string
  requestId?: number
  timeout?: number
  status?: string
  completionCode?: string
  errorDescription?: string
}

export interface Message {
  header: Header
  payload?: Payload
}

/** How a command ended that did not succeed. `errorCode` is class-specific and only there with `commandErrorCode`. */
export class DeviceError extends Error {
  constructor(
    readonly command: string,
    readonly code: string,
    readonly errorCode: string,
    readonly payload: Payload,
    description = ''
  ) {
    super(`${command}: ${errorCode || code}${description ? ` (${description})` : ''}`)
    this.name = 'DeviceError'
  }
}

/** The codes that this library itself gives to a command. */
export const LINK_LOST = 'X-linkLost'
export const REFUSED = 'X-refused'

/** Reads a frame; anything that is no message is undefined, never an exception. */
export function parse(frame: unknown): Message | undefined {
  if (typeof frame !== 'string') return undefined
  let m: unknown
  try {
    m = JSON.parse(frame)
  } catch {
    return undefined
  }
  if (typeof m !== 'object' || m === null) return undefined
  const header = (m as Message).header
  if (typeof header !== 'object' || header === null || typeof header.type !== 'string' || typeof header.name !== 'string') return undefined
  const payload = (m as Message).payload
  return { header, payload: typeof payload === 'object' && payload !== null ? payload : {} }
}
