package platform

import (
	"zhigui/server/api/code"
	"zhigui/terminal/internal/counter"
)

// responseText is what the customer reads for a response code; "" asks for the text of no
// answer. All texts come from the code table.
func responseText(response string) counter.Text {
	c := code.ByResponse(response)
	return counter.Text{ZH: c.ZH, EN: c.EN}
}

// captureCard reports whether the card stays in the machine.
func captureCard(response string) bool { return response != "" && code.ByResponse(response).Capture }
