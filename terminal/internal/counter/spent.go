package counter

import (
	"context"
	"time"

	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/session"
)

// BlankLeaves learns the number of a blank card that is about to go into the bin, if it is not known
// any more: the platform has stopped since it was drawn.
func (c *Counter) BlankLeaves() {
	c.mu.Lock()
	known := c.blank != nil
	c.mu.Unlock()
	dev := c.Others[CardsID]
	if known || dev == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	held, err := c.readBlank(ctx, dev)
	if err != nil {
		return // it cannot be read, or is not there
	}
	c.mu.Lock()
	c.blank = &held
	c.mu.Unlock()
}

// BlankSpent tells the bank that the number of a blank card in the bin is spent. The number is kept
// nowhere but in memory; a bank that does not answer is told again as long as the platform runs.
func (c *Counter) BlankSpent(why string) {
	c.mu.Lock()
	blank := c.blank
	c.blank = nil
	c.mu.Unlock()
	if blank == nil {
		c.Alarm("blankNumberUnknown", "a blank card is in the bin ("+why+"), and its number could not be read: the bank was not told", "")
		return
	}
	go c.tellSpent(*blank, why)
}

func (c *Counter) tellSpent(blank session.Card, why string) {
	for pause := 2 * time.Second; ; pause = min(2*pause, time.Minute) {
		res := c.Link.Transact(context.Background(), hostlink.Request{Type: book.TypeCardSpent, Card: blank, Private: []byte(why)})
		switch res.Host {
		case book.HostApproved:
			return
		case book.HostDeclined:
			c.Alarm("blankNumberRefused", "the bank answered "+res.Code+" to the number of a blank card in the bin: people compare", res.Txn)
			return
		}
		select {
		case <-c.done:
			return
		case <-time.After(pause):
		}
	}
}

// Close ends what the counter does by itself.
func (c *Counter) Close() { c.closing.Do(func() { close(c.done) }) }
