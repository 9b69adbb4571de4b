package itlssp

import (
	"slices"

	"zhigui/sim/device/engine"
)

// moveNext moves one note of the job.
func (m *Model) moveNext(io *engine.IO) {
	var job *Job
	io.Do(func() {
		if m.st.Job == nil {
			m.phase = idle
			return
		}
		if len(m.st.Job.Notes) == 0 {
			m.endJob()
			return
		}
		job = cloneJob(m.st.Job)
	})
	if job == nil {
		return
	}
	mv := mvShift
	if job.Kind == "payout" {
		mv = mvPay
	}
	if a, hit := io.Fire(mv, engine.BeforeMotion); hit && a.Code != engine.FaultNone {
		io.Do(func() { m.breakJob(a.Code, false) })
		return
	}
	io.Do(func() {
		m.st.Notes[job.Notes[0]].Place = Paying
		m.save()
	})
	if a, hit := io.FireIf(mv, engine.MidMotion, reached(job)); hit && a.Code != engine.FaultNone {
		io.Do(func() { m.breakJob(a.Code, true) })
		return
	}
	io.Do(func() {
		j, n := m.st.Job, &m.st.Notes[job.Notes[0]]
		j.Notes = j.Notes[1:]
		if job.Kind == "payout" {
			n.Place, n.PaidOut = Bezel, true
			j.Done += n.Value * minor
			m.st.Counts.Dispensed++
			m.phase = holding
		} else {
			n.Place = Cashbox
			j.Moved[n.Channel]++
			j.Done += n.Value * minor
			m.st.Counts.Transferred++
			m.phase = idle
		}
		m.save()
	})
	io.Fire(mv, engine.AfterMotion)
	io.Do(func() {
		if m.st.Job != nil && len(m.st.Job.Notes) == 0 {
			m.endJob()
		}
	})
}

// reached accepts a mid-motion fault when as many notes have moved as it asks for.
func reached(j *Job) func(engine.Armed) bool {
	total := j.Requested
	return func(a engine.Armed) bool {
		if a.After < 0 {
			return j.Done*2 >= total || len(j.Notes) == 1
		}
		return a.After <= j.Done/minor || len(j.Notes) == 1 // After counts major units here
	}
}

// endJob reports a finished job; call it locked.
func (m *Model) endJob() {
	j := m.st.Job
	m.st.LastMoved, m.st.Job, m.phase = j.Moved, nil, idle
	m.save()
	switch j.Kind {
	case "payout":
		m.event(append([]byte{0xD2, 1}, m.amount(j.Done)...)...)
	case "float":
		m.event(append([]byte{0xD8, 1}, m.amount(j.Done)...)...)
	case "smartEmpty":
		m.event(append([]byte{0xB4, 1}, m.amount(j.Done)...)...)
	default:
		m.event(0xC3)
	}
}

// breakJob ends a job by an error; inside: a note lies on the way.
func (m *Model) breakJob(code string, inside bool) {
	j := m.st.Job
	m.st.LastMoved, m.st.Job, m.phase = j.Moved, nil, idle
	if inside {
		m.st.Jam = "safe"
	}
	m.save()
	paid := append([]byte{1}, m.amount(j.Done)...)
	switch code {
	case "D5":
		m.event(append([]byte{0xD5}, paid...)...)
	case "D9":
		m.event(append([]byte{0xD9}, paid...)...)
	default:
		kind := byte(0)
		if inside {
			kind = 1
		}
		m.event(append(append([]byte{0xB1}, paid...), kind)...)
	}
}

// halt stops a job between two notes.
func (m *Model) halt() bool {
	j := m.st.Job
	if j == nil {
		return false
	}
	m.st.LastMoved, m.st.Job, m.phase = j.Moved, nil, idle
	m.save()
	m.event(append([]byte{0xD6, 1}, m.amount(j.Done)...)...)
	return true
}

// Why a payout cannot be done.
const (
	notEnough = 1
	notExact  = 2
	busy      = 3
	disabled  = 4
)

func (m *Model) mayPay() byte {
	switch {
	case m.st.Job != nil || m.phase != idle || m.at(Bezel, Mouth) != nil || m.st.Jam != "":
		return busy
	case !m.payout:
		return disabled
	}
	return 0
}

// pick takes notes of a channel out of the store for a plan, newest first.
func (m *Model) pick(ch, n int, plan []int) ([]int, bool) {
	for i := len(m.st.Notes) - 1; i >= 0 && n > 0; i-- {
		if k := m.st.Notes[i]; k.Place == Store && k.Channel == ch && !slices.Contains(plan, k.ID) {
			plan = append(plan, k.ID)
			n--
		}
	}
	return plan, n == 0
}

// byAmount plans an amount in minor units, largest notes first.
func (m *Model) byAmount(amount int) ([]int, byte) {
	total := 0
	for _, n := range m.st.Notes {
		if n.Place == Store {
			total += n.Value * minor
		}
	}
	if total < amount {
		return nil, notEnough
	}
	order := slices.Clone(m.cfg.Values)
	slices.Sort(order)
	var plan []int
	for _, v := range slices.Backward(order) {
		n := min(amount/(v*minor), m.level(m.channel(v)))
		plan, _ = m.pick(m.channel(v), n, plan)
		amount -= n * v * minor
	}
	if amount != 0 {
		return nil, notExact
	}
	return plan, 0
}

// start begins a job; call it locked.
func (m *Model) start(kind string, plan []int) {
	j := &Job{Kind: kind, Notes: plan, Moved: map[int]int{}}
	for _, id := range plan {
		j.Requested += m.st.Notes[id].Value * minor
	}
	m.st.Job = j
	m.save()
}

// all are the notes in the store.
func (m *Model) all() (plan []int) {
	for _, n := range m.st.Notes {
		if n.Place == Store {
			plan = append(plan, n.ID)
		}
	}
	return plan
}
