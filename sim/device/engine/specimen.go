package engine

import (
	"path/filepath"
)

// Specimen is what the small models have in common: a state that is saved as a whole with
// each change, statuses that a person sets by named values, and a profile. A model embeds
// it and writes the rest of Model itself.
type Specimen struct {
	Dev *Device
	// Profiles are the ways in which specimens differ; they are settings, not saved.
	Profiles []Setting

	file     string
	statuses []Setting
	saved    savedSpecimen
}

type savedSpecimen struct {
	Status map[string]string `json:"status"`
	// Body is the model's own state; a pointer.
	Body any `json:"body"`
}

// Load reads the state of the file in dir into body, if there is one, and saves it. The
// values of statuses and profiles are those at first.
func (s *Specimen) Load(dir, file string, body any, statuses, profiles []Setting) error {
	s.file, s.statuses, s.Profiles = filepath.Join(dir, file), statuses, profiles
	s.saved = savedSpecimen{Status: map[string]string{}, Body: body}
	for _, st := range statuses {
		s.saved.Status[st.Name] = st.Value
	}
	if _, err := LoadJSON(s.file, &s.saved); err != nil {
		return err
	}
	return s.Save()
}

// Save writes the state; it is on the disk when it returns.
func (s *Specimen) Save() error { return SaveJSON(s.file, s.saved) }

// Keep saves after a change by the firmware, which has nobody to tell about a full disk.
func (s *Specimen) Keep() {
	if err := s.Save(); err != nil && s.Dev != nil {
		s.Dev.opt.Log.Error("virtual device state is not saved", "device", s.Dev.opt.ID, "error", err)
	}
}

// Status is the value of a status.
func (s *Specimen) Status(name string) string { return s.saved.Status[name] }

// Trait is the value of a profile item.
func (s *Specimen) Trait(name string) string {
	for _, p := range s.Profiles {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Attach tells the model its device, for waking the firmware.
func (s *Specimen) Attach(d *Device) { s.Dev = d }

// Close has nothing to close.
func (s *Specimen) Close() error { return nil }

// Statuses implements Model.
func (s *Specimen) Statuses() []Setting {
	out := append([]Setting{}, s.statuses...)
	for i := range out {
		out[i].Value = s.saved.Status[out[i].Name]
	}
	return out
}

// SetStatus implements Model.
func (s *Specimen) SetStatus(name, value string) error {
	s.saved.Status[name] = value
	s.Dev.Poke()
	return s.Save()
}

// Profile implements Model.
func (s *Specimen) Profile() []Setting { return append([]Setting{}, s.Profiles...) }

// SetProfile implements Model.
func (s *Specimen) SetProfile(name, value string) error {
	for i := range s.Profiles {
		if s.Profiles[i].Name == name {
			s.Profiles[i].Value = value
		}
	}
	s.Dev.Poke()
	return nil
}
