import { csvLine, time, yuan, type Page, type Search, type Transaction } from '@bankside/kit'

/** All transactions of a search, page by page, each once: new ones that arrive meanwhile push the pages along. */
export async function collect(q: Search, get: (q: Search) => Promise<Page<Transaction>>, progress: (n: number, total: number) => void = () => {}): Promise<Transaction[]> {
  const seen = new Map<string, Transaction>()
  const until = q.to ?? new Date().toISOString()
  for (let page = 0; page < 60; page++) {
    const p = await get({ ...q, to: until, page, size: 200 })
    for (const x of p.items) seen.set(x.id, x)
    progress(seen.size, p.total)
    if (p.items.length < 200) break
  }
  return [...seen.values()]
}

export interface Column { title: string; of: (x: Transaction) => string }

/** A CSV that spreadsheets read: UTF-8 with its mark, long numbers as text. */
export function csv(items: readonly Transaction[], columns: readonly Column[]): string {
  return `\uFEFF${[csvLine(columns.map((c) => c.title)), ...items.map((x) => csvLine(columns.map((c) => c.of(x))))].join('\r\n')}\r\n`
}

export function columns(t: (k: string) => string, word: (g: string, n: string) => string, en: boolean): Column[] {
  return [
    { title: t('txn.id'), of: (x) => x.id }, { title: t('common.time'), of: (x) => time(x.created) }, { title: t('txn.updated'), of: (x) => time(x.updated) },
    { title: t('common.terminal'), of: (x) => x.terminal }, { title: t('txn.kind'), of: (x) => word('kind', x.kind) }, { title: t('txn.trace'), of: (x) => `${x.batch}/${x.stan}` },
    { title: t('txn.pan'), of: (x) => x.pan }, { title: t('common.amount'), of: (x) => yuan(x.amount).replaceAll(',', '') },
    { title: t('txn.paid'), of: (x) => (x.paid === undefined ? '' : yuan(x.paid).replaceAll(',', '')) }, { title: t('common.state'), of: (x) => word('txnState', x.state) },
    { title: t('txn.result'), of: (x) => [x.response, en ? x.textEN : x.textZH].filter(Boolean).join(' ') }, { title: t('txn.reference'), of: (x) => x.reference },
    { title: t('txn.auth'), of: (x) => x.auth }, { title: t('txn.merchant'), of: (x) => x.merchant }, { title: t('txn.host'), of: (x) => x.host }, { title: t('txn.channel'), of: (x) => x.channel }, { title: t('txn.day'), of: (x) => x.day }, { title: t('txn.note'), of: (x) => x.note }
  ]
}

export function save(name: string, text: string, type = 'text/csv'): void {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000)
}
