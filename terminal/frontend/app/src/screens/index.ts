import type { Component } from 'vue'
import AskReceipt from './AskReceipt.vue'
import Balance from './Balance.vue'
import Busy from './Busy.vue'
import CaseWait from './CaseWait.vue'
import Choose from './Choose.vue'
import ChooseAmount from './ChooseAmount.vue'
import ConfirmTransfer from './ConfirmTransfer.vue'
import EnterPayee from './EnterPayee.vue'
import EnterPhone from './EnterPhone.vue'
import EnterPin from './EnterPin.vue'
import Idle from './Idle.vue'
import InsertCard from './InsertCard.vue'
import InsertNotes from './InsertNotes.vue'
import InsertPassbook from './InsertPassbook.vue'
import ManagerWait from './ManagerWait.vue'
import Outcome from './Outcome.vue'
import OutOfService from './OutOfService.vue'
import PlaceIdCard from './PlaceIdCard.vue'
import Sign from './Sign.vue'
import Starting from './Starting.vue'
import Statement from './Statement.vue'
import TakeCard from './TakeCard.vue'
import TakeCash from './TakeCash.vue'
import TransferAmount from './TransferAmount.vue'

/** Screens by the name that components of a sequence use. */
export const screens: Record<string, Component> = {
  askReceipt: AskReceipt, balance: Balance, busy: Busy, choose: Choose, chooseAmount: ChooseAmount, enterPhone: EnterPhone, enterPin: EnterPin, idle: Idle, insertCard: InsertCard, insertNotes: InsertNotes, insertPassbook: InsertPassbook, placeIdCard: PlaceIdCard, managerWait: ManagerWait,
  outcome: Outcome, outOfService: OutOfService, sign: Sign, starting: Starting, statement: Statement, takeCard: TakeCard, takeCash: TakeCash,
  caseWait: CaseWait, confirmTransfer: ConfirmTransfer, enterPayee: EnterPayee, transferAmount: TransferAmount
}
