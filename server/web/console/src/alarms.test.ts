import { expect, it } from 'vitest'
import { alarmText } from './i18n'

it('an alarm of a terminal has words of its own, one of a server is told by the code table', () => {
  expect(['cashLeft', 'LogErrors', 'nobodyKnows'].map(alarmText)).toEqual(['出钞口有钞票未取走', '服务器日志出现错误', 'nobodyKnows'])
})
