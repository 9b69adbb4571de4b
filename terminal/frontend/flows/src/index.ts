// Business sequences: data composed of SJSBL components. No device call, no screen, no OS here.
// A new business is a new file and a line below.

import type { Sequence } from '@counter/sjsbl'
import balance from './balance'
import cardIssue from './cardIssue'
import deposit from './deposit'
import formFill from './formFill'
import passbook from './passbook'
import pinChange from './pinChange'
import statement from './statement'
import ticket from './ticket'
import transfer from './transfer'
import withdrawal from './withdrawal'

/** In the order in which they are offered. */
export const flows: Sequence[] = [withdrawal, deposit, transfer, balance, statement, pinChange, passbook, cardIssue, ticket, formFill]
