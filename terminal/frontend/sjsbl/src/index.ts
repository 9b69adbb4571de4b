// SJSBL, the standard business components: read card, enter PIN, choose amount, ask the manager,
// online transaction, dispense, take cash, take notes, identity, new card, passbook, payee, business in steps, queue number, form, print, tell. They sit on SJSL; a business sequence is
// data that names them. Flows import this package and write no device call of their own.

import { beginSession, readCard, retainCard, returnCard } from './card'
import { dispense, takeCash } from './cash'
import { closeNotes, takeNotes } from './deposit'
import { askReceipt, print, tell } from './end'
import { choose, printForm, takeTicket } from './front'
import { askManager, chooseAmount, present, transact } from './host'
import { drawCard, enterPhone, handOverCard, readIdentity } from './issue'
import { insertPassbook, returnPassbook, updatePassbook } from './passbook'
import { enterPin } from './pin'
import type { Component } from './sequence'
import { sign } from './sign'
import { caseStep, caseSteps, confirmTransfer, enterPayee, openCase, transferAmount } from './transfer'

export { Canceled, Context, isLinkLost, pause, TimedOut, type Stage } from './context'
export { cardMedia, waitCardGone } from './card'
export { cashExit, presentState, RECYCLER, waitCashGone } from './cash'
export { refusal } from './host'
export { yuan } from './money'
export { grouped, type Case, type Payee } from './transfer'
export { END, problems, walk, type Component, type Sequence, type Step } from './sequence'

/** Every component by the name that sequences use. */
export const library: Record<string, Component> = {
  beginSession, readCard, returnCard, retainCard, enterPin, chooseAmount, askManager, transact, present, dispense, takeCash, takeNotes, closeNotes, readIdentity, enterPhone, sign, drawCard, handOverCard,
  enterPayee, transferAmount, confirmTransfer, openCase, caseSteps, caseStep, insertPassbook, updatePassbook, returnPassbook, askReceipt, print, choose, takeTicket, printForm, tell
}
