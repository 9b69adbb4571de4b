package emv

// Elsewhere is the application as if its reader had another card now.
func Elsewhere(a *Application, c Card) *Application {
	b := *a
	b.link.card = c
	return &b
}
