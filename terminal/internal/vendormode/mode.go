// Package vendormode is the XFS4IoT service VendorMode (CWA 17852): outside applications
// agree with each other when the counter is given to a maker's maintenance, and the counter
// is out of service meanwhile. The counter itself takes part as if it were registered: the
// mode is not entered while a customer is served. Only the native platform imports it.
package vendormode

import (
	"context"
	"maps"
	"slices"
	"sync"

	"zhigui/drivers/api"
	"zhigui/terminal/internal/service"
)

// Name of the service.
const Name = "vendormode"

// Events.
const (
	evEnterRequest = "VendorMode.EnterModeRequestEvent"
	evEntered      = "VendorMode.ModeEnteredEvent"
	evExitRequest  = "VendorMode.ExitModeRequestEvent"
	evExited       = "VendorMode.ModeExitedEvent"
)

// State is Common.Status.vendorMode.service.
type State string

// The states.
const (
	Inactive     State = "inactive"
	EnterPending State = "enterPending"
	Active       State = "active"
	ExitPending  State = "exitPending"
)

// Client is a connection; *service.Conn is one.
type Client interface {
	Notify(api.Event)
	Done() <-chan struct{}
}

// Hooks join the mode to the counter.
type Hooks struct {
	// Suspend takes the counter out of service, or ends that.
	Suspend func(on bool)
	// Busy: a customer is served, or somebody exchanges cash.
	Busy func() bool
	// Changed tells every client of the service the new state.
	Changed func(State)
}

// Mode is the state that all clients share. Safe for concurrent use.
type Mode struct {
	Hooks

	mu      sync.Mutex
	state   State
	apps    map[Client]string // registered, with their names
	waits   map[Client]bool   // who has not acknowledged yet
	telling sync.Mutex        // events go out in the order of the states
}

// New makes a mode that is inactive.
func New(h Hooks) *Mode {
	return &Mode{Hooks: h, state: Inactive, apps: map[Client]string{}, waits: map[Client]bool{}}
}

// State is where it stands.
func (m *Mode) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Register makes a client take part until its connection ends.
func (m *Mode) Register(c Client, name string) {
	m.mu.Lock()
	_, known := m.apps[c]
	m.apps[c] = name
	m.mu.Unlock()
	if !known {
		go func() {
			<-c.Done()
			m.mu.Lock()
			delete(m.apps, c)
			delete(m.waits, c) // who has gone objects no more
			m.mu.Unlock()
			m.Look()
		}()
	}
}

// Enter asks for the mode. No new customer is served from now on; it is active when all have
// acknowledged and the last customer has gone.
func (m *Mode) Enter() api.Completion {
	m.telling.Lock() // nobody ends it before the counter is out of service
	ok := m.begin(Inactive, EnterPending)
	if ok {
		m.Hooks.Suspend(true)
	}
	m.telling.Unlock()
	if !ok {
		return api.Refuse(api.SequenceError, "vendor mode is "+string(m.State()))
	}
	m.ask(evEnterRequest)
	return api.Completion{Outcome: api.Done}
}

// Exit asks to leave the mode.
func (m *Mode) Exit() api.Completion {
	if !m.begin(Active, ExitPending) {
		return api.Refuse(api.SequenceError, "vendor mode is "+string(m.State()))
	}
	m.ask(evExitRequest)
	return api.Completion{Outcome: api.Done}
}

// End leaves the mode without asking anybody: an order of the operator, when a client that
// entered it has gone for ever.
func (m *Mode) End() {
	m.mu.Lock()
	on := m.state != Inactive
	if on {
		m.state, m.waits = ExitPending, map[Client]bool{}
	}
	m.mu.Unlock()
	if on {
		m.Look()
	}
}

func (m *Mode) begin(from, to State) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != from {
		return false
	}
	m.state, m.waits = to, map[Client]bool{}
	for c := range m.apps {
		m.waits[c] = true
	}
	return true
}

// ask tells the state and asks all that take part.
func (m *Mode) ask(event string) {
	m.telling.Lock()
	m.Changed(m.State())
	m.mu.Lock()
	list := slices.Collect(maps.Keys(m.waits))
	m.mu.Unlock()
	for _, c := range list {
		c.Notify(api.Event{Name: event})
	}
	m.telling.Unlock()
	m.Look()
}

// Acknowledge is a client's agreement with the pending change.
func (m *Mode) Acknowledge(c Client, pending State) api.Completion {
	m.mu.Lock()
	ok := m.state == pending && m.waits[c]
	if ok {
		delete(m.waits, c)
	}
	state := m.state
	m.mu.Unlock()
	if !ok {
		return api.Refuse(api.SequenceError, "nothing to acknowledge: vendor mode is "+string(state)+", or the application is not registered")
	}
	m.Look()
	return api.Completion{Outcome: api.Done}
}

// Look completes a pending change when nobody is waited for any more. Call it when a session
// or an exchange has ended.
func (m *Mode) Look() {
	m.telling.Lock()
	defer m.telling.Unlock()
	busy := m.Busy()
	m.mu.Lock()
	if len(m.waits) > 0 || m.state != ExitPending && (m.state != EnterPending || busy) {
		m.mu.Unlock()
		return
	}
	event := evEntered
	var payload any
	if m.state == EnterPending {
		m.state = Active
	} else {
		m.state, event = Inactive, evExited
		payload = map[string][]string{"connectedApplications": slices.Sorted(maps.Values(m.apps))}
	}
	state, list := m.state, slices.Collect(maps.Keys(m.apps))
	m.mu.Unlock()
	if state == Inactive {
		m.Hooks.Suspend(false)
	}
	m.Changed(state)
	ev := api.Event{Name: event}
	if payload != nil {
		ev.Payload = service.Done(payload).Payload
	}
	for _, c := range list {
		c.Notify(ev)
	}
}

// Service is the mode as a service. Pages may not use it.
func (m *Mode) Service() *service.Service {
	cmd := func(f func(*service.Call) api.Completion) service.Command {
		return service.Command{Handle: func(_ context.Context, call *service.Call) api.Completion {
			if call.Role() == service.RoleFlow {
				return api.Refuse(api.AuthorizationRequired, "pages may not use "+call.Header.Name)
			}
			return f(call)
		}}
	}
	return &service.Service{
		Name: Name,
		Commands: map[string]service.Command{
			"VendorMode.Register": cmd(func(call *service.Call) api.Completion {
				var req struct {
					AppName string `json:"appName"`
				}
				if err := call.Decode(&req); err != nil || req.AppName == "" || len(req.AppName) > 100 {
					return api.Refuse(api.InvalidData, "appName: a name of up to 100 characters is wanted")
				}
				m.Register(call.Conn, req.AppName)
				return api.Completion{Outcome: api.Done}
			}),
			"VendorMode.EnterModeRequest":     cmd(func(*service.Call) api.Completion { return m.Enter() }),
			"VendorMode.EnterModeAcknowledge": cmd(func(call *service.Call) api.Completion { return m.Acknowledge(call.Conn, EnterPending) }),
			"VendorMode.ExitModeRequest":      cmd(func(*service.Call) api.Completion { return m.Exit() }),
			"VendorMode.ExitModeAcknowledge":  cmd(func(call *service.Call) api.Completion { return m.Acknowledge(call.Conn, ExitPending) }),
		},
		Status: func(context.Context) api.Completion { return service.Done(Status(m.State())) },
		Capabilities: func(context.Context) api.Completion {
			return service.Done(map[string]any{"common": map[string]any{"serviceVersion": "1.0", "deviceInformation": []map[string]string{{"modelName": "vendor mode"}}}})
		},
	}
}

// Status is the object of Common.Status, and of a change of it.
func Status(s State) map[string]any {
	return map[string]any{"common": map[string]any{"device": api.Online}, "vendorMode": map[string]any{"device": "online", "service": s}}
}
