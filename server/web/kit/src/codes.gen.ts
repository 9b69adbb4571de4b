// Code generated from server/api/code/codes.json; DO NOT EDIT.

export interface Code {
  number: number; name: string; response?: string; zh: string; en: string; help: string
  customer: boolean; capture: boolean; retriable: boolean
}

export const codes: readonly Code[] = [
  {"number":1001,"name":"OK","zh":"成功","en":"Done","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1002,"name":"BadRequest","zh":"请求格式错误","en":"The request is malformed","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1003,"name":"NotSignedIn","zh":"请先登录","en":"Please sign in","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1004,"name":"WrongPassword","zh":"用户名或密码错误","en":"Wrong name or password","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1005,"name":"Locked","zh":"登录失败次数过多，请稍后再试","en":"Too many failed sign-ins, please try again later","help":"The user is locked for 15 minutes after five failures.","customer":false,"capture":false,"retriable":true},
  {"number":1006,"name":"Forbidden","zh":"没有权限","en":"Not permitted","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1007,"name":"NotFound","zh":"未找到","en":"Not found","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1008,"name":"AlreadyDecided","zh":"已由其他经理处理","en":"Already decided by somebody else","help":"The first decision wins.","customer":false,"capture":false,"retriable":false},
  {"number":1009,"name":"ApprovalEnded","zh":"请求已过期或已取消","en":"The request has expired or was cancelled","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1010,"name":"ReasonNeeded","zh":"请选择拒绝原因","en":"Please choose a reason for the rejection","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1011,"name":"BundleInvalid","zh":"版本包签名或内容不正确","en":"Signature or content of the bundle is wrong","help":"Check with serverctl bundle verify.","customer":false,"capture":false,"retriable":false},
  {"number":1012,"name":"UploadsClosed","zh":"未配置发布公钥","en":"No release key is configured","help":"Set manage.releaseKey.","customer":false,"capture":false,"retriable":false},
  {"number":1013,"name":"TooLarge","zh":"文件过大","en":"The file is too large","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1014,"name":"Conflict","zh":"状态已改变","en":"The state has changed","help":"","customer":false,"capture":false,"retriable":false},
  {"number":1015,"name":"SecondPersonNeeded","zh":"需要另一位人员复核","en":"A second person is needed","help":"Two-person actions need two different users.","customer":false,"capture":false,"retriable":false},
  {"number":1016,"name":"ChainBroken","zh":"流水哈希链不连续","en":"The journal's hash chain is broken","help":"The upload was accepted up to the last good record; a critical alarm is raised.","customer":false,"capture":false,"retriable":false},
  {"number":1017,"name":"Unavailable","zh":"服务暂不可用","en":"The service is not available now","help":"","customer":false,"capture":false,"retriable":true},
  {"number":1018,"name":"Internal","zh":"系统内部错误","en":"Internal error","help":"See the server's log at the time of the request.","customer":false,"capture":false,"retriable":true},
  {"number":1019,"name":"ReasonPerson","zh":"本人未到场或身份不符","en":"The person is not present or not who they claim to be","help":"A manager's reason to reject.","customer":true,"capture":false,"retriable":false},
  {"number":1020,"name":"ReasonDocuments","zh":"资料不完整","en":"The documents are not complete","help":"A manager's reason to reject.","customer":true,"capture":false,"retriable":false},
  {"number":1021,"name":"ReasonAmount","zh":"金额需要到柜台办理","en":"This amount must be handled at the counter","help":"A manager's reason to reject.","customer":true,"capture":false,"retriable":false},
  {"number":1022,"name":"ReasonRisk","zh":"为保护您的资金安全，请到柜台办理","en":"To protect your money, please go to the counter","help":"A manager's reason to reject.","customer":true,"capture":false,"retriable":false},
  {"number":1023,"name":"ReasonOther","zh":"经理未批准，请咨询大堂经理","en":"Not approved; please ask the lobby manager","help":"A manager's reason to reject.","customer":true,"capture":false,"retriable":false},
  {"number":2001,"name":"RespApproved","response":"00","zh":"交易成功","en":"Approved","help":"","customer":true,"capture":false,"retriable":false},
  {"number":2002,"name":"RespTerminalUnknown","response":"03","zh":"本设备暂不能办理业务","en":"This machine cannot serve you now","help":"The terminal is not registered, not enabled, or uses the port of another zone: check serverctl terminal add and the port.","customer":true,"capture":false,"retriable":false},
  {"number":2003,"name":"RespCaptureCard","response":"04","zh":"请联系银行，卡片已收回","en":"Please contact your bank; the card has been kept","help":"The issuer asks to keep the card.","customer":true,"capture":true,"retriable":false},
  {"number":2004,"name":"RespBusy","response":"09","zh":"交易处理中，请稍后查询","en":"Being processed, please check later","help":"The host still works on the request.","customer":true,"capture":false,"retriable":true},
  {"number":2005,"name":"RespInvalid","response":"12","zh":"交易无效","en":"Invalid transaction","help":"The message asks for something this system does not do, or contradicts what is recorded.","customer":true,"capture":false,"retriable":false},
  {"number":2006,"name":"RespAmount","response":"13","zh":"金额无效","en":"Invalid amount","help":"","customer":true,"capture":false,"retriable":false},
  {"number":2007,"name":"RespCardUnknown","response":"14","zh":"卡号无效","en":"Invalid card number","help":"The issuer does not know the card.","customer":true,"capture":false,"retriable":false},
  {"number":2008,"name":"RespNoOriginal","response":"25","zh":"未找到原交易","en":"Original transaction not found","help":"A reversal was answered so; it is repeated before it is believed.","customer":false,"capture":false,"retriable":false},
  {"number":2009,"name":"RespFormat","response":"30","zh":"报文格式错误","en":"Message format error","help":"A field is missing or malformed; see the log for the field number.","customer":false,"capture":false,"retriable":false},
  {"number":2010,"name":"RespPinTriesCapture","response":"38","zh":"密码错误次数超限，卡片已收回","en":"Too many wrong PINs; the card has been kept","help":"","customer":true,"capture":true,"retriable":false},
  {"number":2011,"name":"RespLostCard","response":"41","zh":"卡片已挂失，卡片已收回","en":"Card reported lost; it has been kept","help":"","customer":true,"capture":true,"retriable":false},
  {"number":2012,"name":"RespStolenCard","response":"43","zh":"卡片已被收回，请联系银行","en":"The card has been kept; please contact your bank","help":"","customer":true,"capture":true,"retriable":false},
  {"number":2013,"name":"RespFunds","response":"51","zh":"余额不足","en":"Insufficient funds","help":"","customer":true,"capture":false,"retriable":false},
  {"number":2014,"name":"RespExpired","response":"54","zh":"卡片已过期","en":"The card has expired","help":"","customer":true,"capture":false,"retriable":false},
  {"number":2015,"name":"RespWrongPin","response":"55","zh":"密码错误","en":"Wrong PIN","help":"","customer":true,"capture":false,"retriable":false},
  {"number":2016,"name":"RespLimit","response":"61","zh":"超出取款限额","en":"Above the withdrawal limit","help":"","customer":true,"capture":false,"retriable":false},
  {"number":2017,"name":"RespRestricted","response":"62","zh":"卡片受限制，请联系银行","en":"The card is restricted; please contact your bank","help":"","customer":true,"capture":false,"retriable":false},
  {"number":2018,"name":"RespLate","response":"68","zh":"交易超时，请查询余额","en":"Timed out, please check your balance","help":"","customer":true,"capture":false,"retriable":true},
  {"number":2019,"name":"RespPinTries","response":"75","zh":"密码错误次数超限","en":"Too many wrong PINs","help":"","customer":true,"capture":false,"retriable":false},
  {"number":2020,"name":"RespCutover","response":"90","zh":"系统日切，请稍后再试","en":"Day change, please try again later","help":"","customer":true,"capture":false,"retriable":true},
  {"number":2021,"name":"RespNotReached","response":"91","zh":"系统暂时无法受理，请稍后再试","en":"The bank cannot be reached, please try again later","help":"Nothing was sent: link down, breaker open or queue full. No reversal is needed.","customer":true,"capture":false,"retriable":true},
  {"number":2022,"name":"RespDuplicate","response":"94","zh":"重复交易","en":"Duplicate transaction","help":"The same terminal, batch and trace number with other content.","customer":true,"capture":false,"retriable":false},
  {"number":2023,"name":"RespSystem","response":"96","zh":"系统故障，请稍后再试","en":"System failure, please try again later","help":"Nothing was sent.","customer":true,"capture":false,"retriable":true},
  {"number":2024,"name":"RespNoAnswer","response":"98","zh":"交易结果未知，系统将自动处理","en":"Outcome unknown; the bank will settle it automatically","help":"The server has stored a reversal and repeats it until the host acknowledges.","customer":true,"capture":false,"retriable":false},
  {"number":2025,"name":"RespPinFormat","response":"99","zh":"密码格式错误","en":"PIN format error","help":"The PIN block cannot be read under the terminal's key: sign in again.","customer":true,"capture":false,"retriable":false},
  {"number":2026,"name":"RespMac","response":"A0","zh":"报文校验错误，请稍后再试","en":"Message check failed, please try again later","help":"The MAC is wrong: the terminal must sign in again.","customer":true,"capture":false,"retriable":true},
  {"number":2027,"name":"RespChip","response":"82","zh":"芯片校验未通过，请联系发卡银行","en":"The chip was not accepted; please contact your bank","help":"The chip's cryptogram is wrong: a forged card, or a key that issuer and card do not share.","customer":true,"capture":false,"retriable":false},
  {"number":2028,"name":"RespChipRefused","response":"Z1","zh":"卡片拒绝了本次交易，请联系发卡银行","en":"The card itself refused; please contact your bank","help":"The chip answered with a refusal (AAC). An approved transaction is reversed.","customer":true,"capture":false,"retriable":false},
  {"number":2029,"name":"RespChipUnreadable","response":"Z2","zh":"无法读取芯片，请取回卡片","en":"The chip cannot be read; please take your card","help":"A card with a chip is not read by its stripe unless the terminal's configuration allows it.","customer":true,"capture":false,"retriable":false},
]

export const codeByName: Readonly<Record<string, Code>> = Object.fromEntries(codes.map((c) => [c.name, c]))
export const codeByResponse: Readonly<Record<string, Code>> = Object.fromEntries(codes.filter((c) => c.response).map((c) => [c.response as string, c]))
